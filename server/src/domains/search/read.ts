/** One thing that `search` found, whole and in text. */
import { SECTION_NAMES } from '@breeze/contract/agent-inventory'
import { organizationsAlso, type Caller } from '../../kernel/caller.ts'
import { notFound } from '../../kernel/errors.ts'
import type { TransactionContext } from '../../kernel/tool.ts'
import { describeAlert } from '../alerts/describe.ts'
import { alertsOfDevice, alertsText } from '../alerts/of-device.ts'
import { wholeAlert } from '../alerts/one.ts'
import { answerShares, deviceResult, liveState, resultText } from '../commands/present.ts'
import { deviceNames } from '../devices/names.ts'
import { sectionsText } from '../devices/present-sections.ts'
import { fleetHealth } from '../fleet/parts.ts'
import { healthText } from '../fleet/present.ts'
import { findOperation } from '../operations/service.ts'
import { siteById } from '../organizations/service.ts'
import type { Kind } from './document-id.ts'

export interface Document {
  name: string
  title: string
  text: string
  metadata: Record<string, string>
}

type Reader = (context: TransactionContext, id: string) => Promise<Document | null>

/** Throws `not_found` alike for what is absent, foreign, and not the caller's to read. */
export async function readDocument(context: TransactionContext, kind: Kind, id: string): Promise<Document> {
  const found = await READERS[kind](context, id)
  if (!found) throw notFound('document', `${kind}:${id}`)
  return found
}

const READERS: Record<Kind, Reader> = {
  device: readDevice,
  alert: readAlert,
  organization: readOrganization,
  site: readSite,
  operation: readOperation,
}

const ALERTS_SHOWN = 20

async function readDevice({ tx, caller, services, now }: TransactionContext, id: string): Promise<Document | null> {
  const device = await services.devices.deviceDetails(tx, id, SECTION_NAMES)
  if (!device) return null
  const open = await alertsOfDevice(tx, caller, device, ALERTS_SHOWN)
  const sections = new Map(device.sections.map((section) => [section.name, section]))
  const about = `${device.name} (${device.organizationName}, ${device.siteName})`
  return {
    name: device.name,
    title: about,
    text: [
      `${about}: ${device.status}, ${device.role}, ${device.os ?? 'system unknown'}. Last seen ${device.lastSeenAt ?? 'never'}.`,
      ...alertsText(open),
      ...sectionsText(device.name, SECTION_NAMES, sections, now()),
    ].join('\n'),
    metadata: { kind: 'device', status: device.status, organization: device.organizationName, site: device.siteName },
  }
}

async function readAlert({ tx, caller }: TransactionContext, id: string): Promise<Document | null> {
  const whole = await wholeAlert(tx, id)
  if (!whole || !readable(caller, 'alerts.read', [whole.alert.organization.id])) return null
  const { alert } = whole
  const name = `${alert.device?.name ?? alert.organization.name}: ${alert.title}`
  return {
    name,
    title: `${alert.severity} alert, ${alert.status}: ${name}`,
    text: describeAlert(whole),
    metadata: {
      kind: 'alert',
      severity: alert.severity,
      status: alert.status,
      organization: alert.organization.name,
      opened_at: alert.openedAt,
    },
  }
}

async function readOrganization(context: TransactionContext, id: string): Promise<Document | null> {
  const organization = context.caller.organizations.get(id)
  if (!organization) return null
  const text = await healthOf(context, organization.name, { organizationIds: [id] })
  const { name } = organization
  return { name, title: `${name} (organization)`, text, metadata: { kind: 'organization' } }
}

async function readSite(context: TransactionContext, id: string): Promise<Document | null> {
  const site = await siteById(context.tx, id)
  if (!site) return null
  const text = await healthOf(context, site.name, { siteIds: [id] })
  const { name, organization } = site
  return {
    name,
    title: `${name} (site of ${organization.name})`,
    text,
    metadata: { kind: 'site', organization: organization.name },
  }
}

async function healthOf(
  { tx, caller, now }: TransactionContext,
  name: string,
  filter: { organizationIds?: string[]; siteIds?: string[] },
): Promise<string> {
  return healthText(await fleetHealth(tx, caller, now(), { level: 'site', filter, limit: 50 }), 'site', name)
}

const RESULTS_SHOWN = 50

async function readOperation({ tx, caller, services }: TransactionContext, id: string): Promise<Document | null> {
  const operation = await findOperation(tx, id)
  if (!readable(caller, 'operations.read', operation.organizationIds)) return null
  const progress = await services.commands.operationProgress(tx, id)
  const page = { limit: RESULTS_SHOWN, ...answerShares(progress.total) }
  const results = await services.commands.results(tx, id, page)
  const names = await deviceNames(
    tx,
    results.map((result) => result.deviceId),
  )
  const name = `${operation.tool}: ${operation.summary}`
  const state = liveState(operation.state, progress)
  return {
    name,
    title: `${name} (${operation.createdAt.toISOString().slice(0, 16)}Z)`,
    text: [
      `${name} State: ${state}. Begun ${operation.createdAt.toISOString()}; ${progress.finished} of ${progress.total} commands have ended.`,
      ...results.map((result) => resultText(deviceResult(result, names.get(result.deviceId) ?? result.deviceId))),
    ].join('\n'),
    metadata: { kind: 'operation', tool: operation.tool, state },
  }
}

/** Devices are read with another permission than these. Nothing of no organization is anybody's here. */
function readable(
  caller: Caller,
  permission: 'alerts.read' | 'operations.read',
  organizationIds: readonly string[],
): boolean {
  const allowed = organizationsAlso(caller, 'devices.read', permission)
  return organizationIds.length > 0 && organizationIds.every((id) => allowed.has(id))
}
