/** What stands open on one device, for answers about it. */
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { openAlerts } from './counts.ts'
import { UNRESOLVED } from './filter.ts'
import { listAlerts } from './list.ts'
import { alertLine } from './present.ts'
import type { AlertRow } from './rows.ts'

export interface AlertsOfDevice {
  /** Null: not the caller's to read. */
  count: number | null
  /** The worst first, as many as were asked for. */
  alerts: AlertRow[]
}

export async function alertsOfDevice(
  tx: Tx,
  caller: Caller,
  device: { id: string; organizationId: string; siteId: string },
  limit: number,
): Promise<AlertsOfDevice> {
  const open = (await openAlerts(tx, caller, [device])).get(device.id) ?? null
  if (!open || open.count === 0 || limit === 0) return { count: open?.count ?? null, alerts: [] }
  const page = { limit, order: 'worst', unfold: true } as const
  const { alerts } = await listAlerts(tx, { statuses: UNRESOLVED, deviceIds: [device.id] }, page)
  return { count: open.count, alerts }
}

export function alertsText({ count, alerts }: AlertsOfDevice): string[] {
  if (count === null) return ['Its alerts are not yours to read.']
  if (count === 0) return ['No open alerts.']
  return [`${count} open alert${count === 1 ? '' : 's'}${alerts.length > 0 ? ':' : '.'}`, ...alerts.map(alertLine)]
}
