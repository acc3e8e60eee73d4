/** Unresolved alerts of devices, for lists of devices: one statement for any number of them. */
import type { Tx } from '../../kernel/db.ts'
import type { Severity } from './tables.ts'

export interface OpenAlerts {
  /** Open and acknowledged ones, those that another stands for among them. */
  count: number
  worst: Severity
}

const COUNT = `
  select device_id, count(*) as count, (array_agg(severity order by severity_weight(severity) desc))[1] as worst
  from alerts where device_id = any ($1::uuid[]) and status <> 'resolved' group by device_id`

interface Row {
  device_id: string
  count: number
  worst: Severity
}

/** Device → its alerts; devices without any are not in it. Counts what the transaction sees: it must hold alerts.read. */
export async function openAlerts(tx: Tx, deviceIds: readonly string[]): Promise<Map<string, OpenAlerts>> {
  if (deviceIds.length === 0) return new Map()
  const rows = await tx.prepared<Row>('open_alerts', COUNT, [deviceIds])
  return new Map(rows.map(({ device_id: id, count, worst }) => [id, { count, worst }]))
}
