/** The answer about patches: a sentence of totals, what is mostly lacking, and the devices behind the totals. */
import { fenced, quoted } from '../../kernel/content/device-text.ts'
import type { RolloutFailure } from '../rollouts/reads.ts'
import type { PatchFailure } from './derive.ts'
import type {
  DeviceUpdate,
  Grouping,
  LackingUpdate,
  PatchCounts,
  PatchDevice,
  PatchGroup,
  PatchStatus,
} from './status.ts'

export interface PatchReading {
  status: PatchStatus
  /** Of the devices on the page. */
  updates: readonly DeviceUpdate[]
  failures: readonly PatchFailure[]
  /** Of devices whose last deployment failed. */
  deployments: readonly RolloutFailure[]
  at: Date
  total: number
  next: string | null
}

const DAY_MS = 86_400_000
const LONGEST = 9000
const LONGEST_NAME = 120
const LONGEST_REASON = 200

export function presentPatchStatus(reading: PatchReading, grouping: Grouping) {
  const { status, at, total, next } = reading
  const devices = status.devices.map((device) => presentDevice(device, reading))
  const groups = status.groups.map((group) => ({ ...group, patched_percent: percent(group) }))
  return {
    text: [
      totals(status),
      ...(status.updates.length > 0 ? [mostlyLacking(status.updates, at)] : []),
      ...groups.map(groupLine),
      ...(grouping === 'update' ? updateLines(status.updates, at) : []),
      ...(devices.length > 0 ? [deviceLines(devices)] : []),
      ...(status.failures_unseen > 0
        ? [`${status.failures_unseen} devices do not tell whether an update failed.`]
        : []),
      ...(next === null ? [] : ['Pass next_cursor as cursor for the next page.']),
    ].join('\n'),
    data: {
      counts: status.counts,
      patched_percent: percent(status.counts),
      updates: status.updates.map((update) => ({ ...update, first_seen_at: instant(update.first_seen_at) })),
      devices,
      ...(groups.length > 0 && { groups }),
      total,
      ...(next !== null && { next_cursor: next }),
    },
  }
}

/** Whole, and never rounded up to all of them. */
const percent = ({ devices, up_to_date: patched }: PatchCounts): number | null =>
  devices === 0 ? null : Math.floor((100 * patched) / devices)

function totals({ counts, lacking }: PatchStatus): string {
  if (counts.devices === 0) return 'No devices.'
  const lack = lacking && (lacking.fewest === lacking.most ? `${lacking.most}` : `${lacking.fewest}–${lacking.most}`)
  const updates = lacking?.most === 1 ? 'update' : 'updates'
  return (
    `${counts.devices} device${counts.devices === 1 ? '' : 's'}: ${counts.up_to_date} (${percent(counts)} %) fully patched, ` +
    `${counts.missing} lacking${lack ? ` ${lack} ${updates}` : ' updates'}, ${counts.failed} failed, ${counts.unknown} unknown.`
  )
}

const ARTICLE = /^KB\d{4,9}$/
/** An article's number is nobody's sentence. */
const label = ({ name, article }: { name: string; article: string | null }): string =>
  article !== null && ARTICLE.test(article) ? article : quoted(name, LONGEST_NAME)

function mostlyLacking(updates: readonly LackingUpdate[], at: Date): string {
  return `Mostly lacking: ${updates
    .slice(0, 3)
    .map((update) => lackingText(update, at))
    .join('; ')}.`
}

function lackingText(update: LackingUpdate, at: Date): string {
  const { devices, security, released_on: released, first_seen_at: seen } = update
  const when = released === null ? `first seen ${ago(seen, at)}` : `released ${ago(released, at)}`
  return `${label(update)}${security ? ' (security)' : ''} on ${devices} device${devices === 1 ? '' : 's'}, ${when}`
}

/** With the date, so that nobody has to count back. */
function ago(since: string, at: Date): string {
  const days = Math.max(0, Math.floor((at.getTime() - new Date(since).getTime()) / DAY_MS))
  const date = instant(since).slice(0, 10)
  return days === 0 ? `today (${date})` : `${days} day${days === 1 ? '' : 's'} ago (${date})`
}

const instant = (time: string): string => new Date(time).toISOString()

const updateLines = (updates: readonly LackingUpdate[], at: Date): string[] =>
  updates.map((update) => lackingText(update, at))

const groupLine = (group: PatchGroup): string =>
  `${group.name}: ${group.up_to_date} of ${group.devices} (${percent(group)} %) fully patched, ${group.missing} lacking, ${group.failed} failed, ${group.unknown} unknown`

type ShownDevice = ReturnType<typeof presentDevice>

function presentDevice(device: PatchDevice, { updates, failures, deployments }: PatchReading) {
  const { id, name, organization, site, state, missing } = device
  const lacked = state === 'unknown' ? [] : updates.filter((update) => update.device_id === id)
  const failed = failures.filter((failure) => failure.deviceId === id)
  const deployment = deployments.find(({ deviceId }) => deviceId === id)
  return {
    id,
    name,
    organization,
    site,
    state,
    missing: state === 'unknown' ? null : missing,
    updates: lacked.map((update) => update.article ?? update.name),
    ...(failed.length > 0 && {
      failures: failed.map((failure) => ({
        update: failure.article ?? failure.name,
        at: failure.at.toISOString(),
        reason: failure.reason?.slice(0, LONGEST_REASON) ?? null,
      })),
    }),
    ...(deployment && {
      failed_deployment: {
        operation: deployment.operationId,
        at: deployment.at.toISOString(),
        reason: deployment.reason.slice(0, LONGEST_REASON),
      },
    }),
    ...(state === 'unknown' && { reason: because(device) }),
    ...(device.reboot_pending_since !== null && { reboot_pending_since: instant(device.reboot_pending_since) }),
  }
}

function because({ reason, lists_updated_at: looked, last_seen_at: seen }: PatchDevice): string {
  switch (reason) {
    case 'not_readable':
      return 'its updates could not be read'
    case 'lists_of_unknown_age':
      return 'it does not tell when it looked for updates'
    case 'silent':
      return seen === null ? 'it was never heard from' : `not heard from since ${instant(seen)}`
    case 'lists_outdated':
      return looked === null
        ? 'it has not looked for updates lately'
        : `it last looked for updates at ${instant(looked)}`
    case 'unrated':
      return 'nobody says which of its updates are of this kind'
    default:
      return 'it has not reported its updates'
  }
}

function deviceLines(devices: readonly ShownDevice[]): string {
  const lines = devices.map((device) => {
    const failed = (device.failures ?? []).map(
      ({ update, at, reason }) => `${update} failed at ${at}: ${reason ?? 'no reason told'}`,
    )
    const { failed_deployment: last } = device
    const deployed = last ? [`its last deployment failed at ${last.at}: ${last.reason}`] : []
    const more = (device.missing ?? 0) - device.updates.length
    const lacks =
      device.updates.length > 0 ? [`lacks ${device.updates.join(', ')}${more > 0 ? ` and ${more} more` : ''}`] : []
    const said = [...failed, ...deployed, ...lacks, ...(device.reason === undefined ? [] : [device.reason])]
    return `${device.name} (${device.site}): ${device.state}${said.length > 0 ? `; ${said.join('; ')}` : ''}`
  })
  return fenced('devices', lines.join('\n'), LONGEST)
}
