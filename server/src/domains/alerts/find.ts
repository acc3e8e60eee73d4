/** The alerts that an act is about. */
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import { alertConditions, type AlertFilter, isUnfolded } from './filter.ts'
import type { AlertState, AlertStatus, Severity } from './tables.ts'

/** Alerts that one call may touch. */
export const MOST_ALERTS = 5000

export interface AlertTarget extends Target {
  kind: 'alert'
  organizationId: string
  title: string
  device: string | null
  severity: Severity
  status: AlertStatus
  state: AlertState
  acknowledgedUntil: Date | null
  note: string | null
}

interface Raw {
  id: string
  title: string
  device_name: string | null
  organization_id: string
  site_id: string | null
  severity: Severity
  status: AlertStatus
  state: AlertState
  acknowledged_until: Date | null
  note: string | null
}

/** The worst first. Throws when more match than one call may touch. */
export async function alertTargets(tx: Tx, filter: AlertFilter, unfold: boolean): Promise<AlertTarget[]> {
  const conditions = unfold ? alertConditions(filter) : [...alertConditions(filter), isUnfolded]
  const built = sql<Raw>`
    select a.id, a.title, d.name as device_name, a.organization_id, a.site_id, a.severity, a.status, a.state,
      a.acknowledged_until, a.note
    from alerts a left join devices d on d.id = a.device_id
    where ${sql.join(conditions, sql` and `)}
    order by severity_weight(a.severity) desc, a.opened_at desc, a.id desc limit ${MOST_ALERTS + 1}`
  const rows = await tx.all<Raw>({ compile: () => built.compile(query) })
  if (rows.length > MOST_ALERTS)
    throw invalidInput(`More than ${MOST_ALERTS} alerts match.`, 'Narrow the filter, for example to one organization.')
  return rows.map(target)
}

const target = (row: Raw): AlertTarget => ({
  kind: 'alert',
  id: row.id,
  name: row.device_name === null ? row.title : `${row.device_name}: ${row.title}`,
  organizationId: row.organization_id,
  siteId: row.site_id,
  title: row.title,
  device: row.device_name,
  severity: row.severity,
  status: row.status,
  state: row.state,
  acknowledgedUntil: row.acknowledged_until,
  note: row.note,
})
