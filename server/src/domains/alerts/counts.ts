/** Unresolved alerts of devices, for lists of devices. */
import { type RawBuilder, sql } from 'kysely'
import { type Caller, holdsAt } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import type { Severity } from './tables.ts'

export interface OpenAlerts {
  /** Open and acknowledged ones, those that another stands for among them. */
  count: number
  /** Null without any. */
  worst: Severity | null
}

interface Located {
  id: string
  organizationId: string
  siteId: string
}

const COUNT = `
  select device_id, count(*) as count, (array_agg(severity order by severity_weight(severity) desc))[1] as worst
  from alerts where device_id = any ($1::uuid[]) and status <> 'resolved' group by device_id`

/** Devices with unresolved alerts in these organizations, for lists of devices: `rank` of the worst, from '0' for a critical one. */
export const worstAlerts = (organizationIds: readonly string[]): RawBuilder<unknown> => sql`
  select a.device_id, (5 - max(severity_weight(a.severity)))::text collate "C" as rank from alerts a
  where a.status <> 'resolved' and a.device_id is not null and a.organization_id = any (${[...organizationIds]}::uuid[]) group by 1`

/** One row of `count` and `worst` for a device, to be joined laterally by the statement that lists it. */
export const countedAlerts = (deviceId: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  select count(*) as count, (array_agg(severity order by severity_weight(severity) desc))[1] as worst
  from alerts where device_id = ${deviceId} and status <> 'resolved'`

/** Null where the caller may not read alerts. */
export const readableAlerts = (caller: Caller, device: Located, alerts: OpenAlerts): OpenAlerts | null =>
  holdsAt(caller, 'alerts.read', device) ? alerts : null

interface Row {
  device_id: string
  count: number
  worst: Severity
}

/** Device → its alerts; null for those whose alerts the caller may not read. */
export async function openAlerts(
  tx: Tx,
  caller: Caller,
  devices: readonly Located[],
): Promise<Map<string, OpenAlerts | null>> {
  if (devices.length === 0) return new Map()
  const rows = await tx.prepared<Row>('open_alerts', COUNT, [devices.map(({ id }) => id)])
  const counted = new Map(rows.map((row) => [row.device_id, { count: row.count, worst: row.worst }]))
  return new Map(
    devices.map((device) => [
      device.id,
      readableAlerts(caller, device, counted.get(device.id) ?? { count: 0, worst: null }),
    ]),
  )
}
