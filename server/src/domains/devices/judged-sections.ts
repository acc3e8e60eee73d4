/** Sections of a device's details that are not its own words, but what follows from them: patches, vulnerabilities, support. */
import type { Permission } from '@breeze/contract/governance'
import { fenced } from '../../kernel/content/device-text.ts'
import { type Caller, holdsAt } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import type { Services } from '../../kernel/services.ts'
import type { LifecycleAnswer } from '../lifecycle/service.ts'
import type { DevicePatches } from '../patches/device-patches.ts'
import type { DeviceVulnerabilities } from '../vulnerabilities/service.ts'
import type { ShownSection } from './present-sections.ts'

export const JUDGED = ['patches', 'vulnerabilities', 'lifecycle'] as const
type Judged = (typeof JUDGED)[number]

const PERMISSIONS: Readonly<Record<Judged, Permission>> = {
  patches: 'patches.read',
  vulnerabilities: 'compliance.read',
  lifecycle: 'devices.read',
}

/** Null vulnerabilities: never assessed. */
export interface JudgedSections {
  patches?: DevicePatches
  vulnerabilities?: DeviceVulnerabilities | null
  lifecycle?: LifecycleAnswer
}

interface Asked {
  tx: Tx
  caller: Caller
  services: Services
  wanted: readonly string[]
  device: { id: string; organizationId: string; siteId: string }
  /** Items of each list. */
  most: number
}

/** Those that are wanted and that the caller may read there. */
export async function judgedSections({ tx, caller, services, wanted, device, most }: Asked): Promise<JudgedSections> {
  const may = (name: Judged): boolean => wanted.includes(name) && holdsAt(caller, PERMISSIONS[name], device)
  return {
    ...(may('patches') && { patches: await services.patches.ofDevice(tx, device.id, most) }),
    ...(may('vulnerabilities') && { vulnerabilities: await services.vulnerabilities.ofDevice(tx, device.id, most) }),
    ...(may('lifecycle') && { lifecycle: services.lifecycle.of(await osOf(tx, device.id)) }),
  }
}

async function osOf(tx: Tx, deviceId: string): Promise<Parameters<Services['lifecycle']['of']>[0]> {
  const section = await tx.first(
    query.selectFrom('device_sections').select('data').where('device_id', '=', deviceId).where('section', '=', 'os'),
  )
  // As the contract has it, or nothing.
  return (section?.data ?? null) as Parameters<Services['lifecycle']['of']>[0]
}

// ------------------------------------------------------------------ data

export function shownJudged({ patches, vulnerabilities, lifecycle }: JudgedSections): ShownSection[] {
  return [
    ...(patches ? [patchSection(patches)] : []),
    ...(vulnerabilities === undefined ? [] : [vulnerabilitySection(vulnerabilities)]),
    ...(lifecycle ? [lifecycleSection(lifecycle)] : []),
  ]
}

const patchSection = (patches: DevicePatches): ShownSection => ({
  name: 'patches',
  status: 'ok',
  source: 'updates, update_history',
  collected_at: patches.listsUpdatedAt,
  detail: null,
  data: patchData(patches),
})

/** Without data where it was not assessed: that is not zero. */
function vulnerabilitySection(found: DeviceVulnerabilities | null): ShownSection {
  const about = {
    name: 'vulnerabilities',
    source: 'software, imported vulnerabilities',
    collected_at: found?.assessedAt ?? null,
  }
  if (!found?.counts) return { ...about, status: 'not_assessed', detail: found?.reason ?? 'not_reported' }
  return { ...about, status: 'ok', detail: null, data: vulnerabilityData(found) }
}

const lifecycleSection = (answer: LifecycleAnswer): ShownSection => ({
  name: 'lifecycle',
  status: 'ok',
  source: answer.source,
  collected_at: answer.asOf,
  detail: null,
  data: {
    state: answer.state,
    release: answer.release,
    supported_until: answer.supportedUntil,
    extended_until: answer.extendedUntil,
  },
})

const patchData = (patches: DevicePatches) => ({
  state: patches.state,
  reason: patches.reason,
  missing: patches.missing,
  missing_security: patches.missingSecurity,
  lists_updated_at: patches.listsUpdatedAt,
  reboot_pending_since: patches.rebootPendingSince,
  history_known: patches.historyKnown,
  updates: patches.updates.map(({ releasedOn, firstSeenAt, ...update }) => {
    return { ...update, released_on: releasedOn, first_seen_at: firstSeenAt }
  }),
  failures: patches.failures.map(({ name, article, at, reason }) => ({ name, article, at: at.toISOString(), reason })),
})

const vulnerabilityData = (found: DeviceVulnerabilities) => ({
  counts: found.counts,
  system: found.system,
  fixable: found.fixable,
  imported_at: found.importedAt,
  published_at: found.publishedAt,
  found: found.rows.map(({ fixedVersion, firstSeenAt, ...row }) => {
    return { ...row, fixed_version: fixedVersion, first_seen_at: firstSeenAt }
  }),
})

// ------------------------------------------------------------------ text

const LONGEST = 8000

/** A line each; with `whole`, what is behind it. */
export function judgedText(device: string, judged: JudgedSections, whole: boolean): string[] {
  const { patches, vulnerabilities, lifecycle } = judged
  return [
    ...(patches ? patchLines(device, patches, whole) : []),
    ...(vulnerabilities === undefined ? [] : vulnerabilityLines(device, vulnerabilities, whole)),
    ...(lifecycle ? [supportLine(lifecycle)] : []),
  ]
}

function patchLines(device: string, patches: DevicePatches, whole: boolean): string[] {
  const { state, reason, missing, missingSecurity, failures, updates, rebootPendingSince } = patches
  const why = reason === null ? '' : ` (${reason.replaceAll('_', ' ')})`
  const reboot = rebootPendingSince === null ? '' : `; reboot pending since ${rebootPendingSince}`
  const lacking =
    state === 'unknown' ? '' : `, lacks ${missing} update${missing === 1 ? '' : 's'}, ${missingSecurity} for security`
  const head = `Patches: ${state.replaceAll('_', ' ')}${why}${lacking}, ${failures.length} failed${reboot}.`
  const lines = [
    ...failures.map(
      (one) => `${one.article ?? one.name} failed at ${one.at.toISOString()}: ${one.reason ?? 'no reason told'}`,
    ),
    ...(whole ? updates.map((one) => `${one.article ?? one.name}: ${one.installed ?? '?'} → ${one.available}`) : []),
  ]
  return lines.length === 0 ? [head] : [head, fenced(`updates of ${device}`, lines.join('\n'), LONGEST)]
}

function vulnerabilityLines(device: string, found: DeviceVulnerabilities | null, whole: boolean): string[] {
  if (!found?.counts)
    return [`Vulnerabilities: not assessed (${(found?.reason ?? 'not_reported').replaceAll('_', ' ')}).`]
  const said = Object.entries(found.counts).map(([severity, n]) => `${n} ${severity}`)
  const from = (found.publishedAt ?? found.importedAt)?.slice(0, 10) ?? 'an unknown date'
  const head = `Vulnerabilities: ${said.join(', ')}; updates repair ${found.fixable ?? 0}. Packages of ${found.system}, by data of ${from}.`
  if (!whole || found.rows.length === 0) return [head]
  const lines = found.rows.map(
    (row) =>
      `${row.vulnerability} ${row.severity ?? 'unrated'}: ${row.package} ${row.version}, repaired in ${row.fixedVersion ?? 'no version yet'}`,
  )
  return [head, fenced(`vulnerabilities of ${device}`, lines.join('\n'), LONGEST)]
}

/** Dates of support move, so an answer says how old its own are. */
function supportLine({ state, release, supportedUntil, extendedUntil, source, asOf }: LifecycleAnswer): string {
  const about = `${source}, as of ${asOf}`
  if (release === null) return `Support: unknown; the system is no release that is known (${about}).`
  const words = { supported: 'supported until', ended: 'support ended', unknown: 'end of support not announced' }[state]
  const extended = extendedUntil === null ? '' : `, extended support until ${extendedUntil}`
  return `Support: ${release}, ${words}${supportedUntil === null ? '' : ` ${supportedUntil}`}${extended} (${about}).`
}
