/** The list of alerts: one statement answers the page, the counts, what is folded, and which devices come first. */
import { type Compilable, type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { type AlertOrder, readPosition, writePosition } from './cursor.ts'
import { alertConditions, type AlertFilter, isTallied, isUnfolded, UNRESOLVED } from './filter.ts'
import { type AlertGroup, devicesFirst, type Grouping, groupsOf, type RawGroup, readGroup } from './groups.ts'
import { type AlertRow, alertRow, type RawAlert } from './rows.ts'
import { countsOf, type SeverityCounts, totalOf } from './severities.ts'
import type { Severity } from './tables.ts'
import { tallyConditions } from './tally.ts'

export interface AlertPage {
  /** At most 200. */
  limit: number
  cursor?: string | undefined
  order: AlertOrder
  /** Shows also what another alert stands for, or a maintenance window covers. */
  unfold: boolean
  groupBy?: Grouping | undefined
}

export interface AlertList {
  alerts: AlertRow[]
  total: number
  totalIsLowerBound: boolean
  counts: SeverityCounts
  /** How many more match that are folded, by why. */
  folded: { parent: number; maintenance: number }
  /** The worst first; of `groupBy`, or the devices that need attention. Empty after the first page. */
  groups: AlertGroup[]
  groupsInAll: number
  cursor: string | null
}

interface Count {
  severity: Severity
  folded: 'parent' | 'maintenance' | null
  n: number
}
interface Answer {
  rows: (RawAlert & { sort_opened: string })[]
  counts: Count[]
  groups: RawGroup[]
}

export async function listAlerts(tx: Tx, filter: AlertFilter, page: AlertPage): Promise<AlertList> {
  const compiled = statement(filter, page).compile()
  const name = hotName(filter, page)
  const [answer] = name
    ? await tx.prepared<Answer>(name, compiled.sql, [...compiled.parameters])
    : await tx.all<Answer>({ compile: () => compiled })
  if (!answer) throw new Error('a list of alerts has one answer')
  const rows = answer.rows.slice(0, page.limit)
  const last = rows.at(-1)
  const counted = answer.counts.reduce((sum, { n }) => sum + n, 0)
  const counts = countsOf(answer.counts.filter(({ folded }) => page.unfold || folded === null))
  return {
    alerts: rows.map(alertRow),
    total: totalOf(counts),
    totalIsLowerBound: !isTallied(filter) && counted >= countedAtMost(filter),
    counts,
    folded: { parent: hidden(answer, page, 'parent'), maintenance: hidden(answer, page, 'maintenance') },
    groups: answer.groups.map(readGroup),
    groupsInAll: answer.groups[0]?.in_all ?? 0,
    cursor:
      answer.rows.length > page.limit && last
        ? writePosition(filter, page, { severity: last.severity, openedAt: last.sort_opened, id: last.id })
        : null,
  }
}

/** Written into the statement, so that the plan of the usual list is kept. */
const USUAL_LIMIT = 25
const rowLimit = (limit: number): RawBuilder<unknown> =>
  limit === USUAL_LIMIT ? sql.lit(limit + 1) : sql`${limit + 1}`

/** What is asked all the time, by those who see all, one organization or a few. */
function hotName(filter: AlertFilter, page: AlertPage): string | null {
  const isUsual = page.limit === USUAL_LIMIT && page.order === 'worst' && !page.unfold && page.groupBy === undefined
  const { organizationIds, statuses, severities, siteIds } = filter
  const isAll = UNRESOLVED.every((status) => statuses.includes(status))
  if (!isUsual || !isTallied(filter) || !isAll || severities || siteIds) return null
  const reach = organizationIds === undefined ? '' : organizationIds.length === 1 ? '_o1' : '_on'
  return `get_alerts_${page.cursor === undefined ? 'first' : 'next'}${reach}`
}

const hidden = ({ counts }: Answer, { unfold }: AlertPage, why: Count['folded']): number =>
  unfold ? 0 : counts.filter(({ folded }) => folded === why).reduce((sum, { n }) => sum + n, 0)

function statement(filter: AlertFilter, page: AlertPage): Compilable<Answer> {
  const built = sql<Answer>`
    with page as materialized (${pageOf(filter, page)}),
    told as (
      select ${SHOWN}, row_number() over (order by ${orderOf(page.order, 'page')}) as place
      from page
      join organizations o on o.id = page.organization_id
      left join sites s on s.id = page.site_id
      left join devices d on d.id = page.device_id
      left join users u on u.id = page.acknowledged_by
      left join (
        select parent_id, count(*) as n from alerts
        where parent_id = any (array(select id from page)) and status <> 'resolved' group by parent_id) c on c.parent_id = page.id)
    select
      coalesce((select json_agg(told order by place) from told), '[]') as rows,
      coalesce((select json_agg(counted) from (${isTallied(filter) ? tallied(filter) : counted(filter)}) counted), '[]') as counts,
      coalesce((select json_agg(g) from (${groups(filter, page)}) g), '[]') as groups`
  return { compile: () => built.compile(query) }
}

const SHOWN = sql`page.id, page.severity, page.status, page.state, page.title, page.signal, page.instance, page.device_id,
  d.name as device_name, page.site_id, s.name as site_name, page.organization_id, o.name as organization_name, page.opened_at,
  page.opened_at::text as sort_opened, page.last_seen_at, page.occurrences, page.last_value, page.detail,
  u.name as acknowledged_by_name, page.acknowledged_until, page.resolved_at, page.note, page.escalation, page.suppressed,
  coalesce(c.n, 0) as children, page.version`

/** Those that are shown, `alerts a`. */
function shownConditions(filter: AlertFilter, { unfold }: AlertPage): RawBuilder<unknown>[] {
  return unfold ? alertConditions(filter) : [...alertConditions(filter), isUnfolded]
}

function pageOf(filter: AlertFilter, page: AlertPage): RawBuilder<unknown> {
  const conditions = shownConditions(filter, page)
  const after = page.cursor === undefined ? null : readPosition(filter, page, page.cursor)
  if (after) {
    const { weight, openedAt, id } = after
    conditions.push(
      page.order === 'worst'
        ? sql`(severity_weight(a.severity), a.opened_at, a.id) < (${weight}::integer, ${openedAt}::timestamptz, ${id}::uuid)`
        : sql`(a.opened_at, a.id) < (${openedAt}::timestamptz, ${id}::uuid)`,
    )
  }
  return sql`select a.* from alerts a where ${sql.join(conditions, sql` and `)}
    order by ${orderOf(page.order, 'a')} limit ${rowLimit(page.limit)}`
}

function orderOf(order: AlertOrder, table: 'a' | 'page'): RawBuilder<unknown> {
  const at = sql.ref(`${table}.opened_at`)
  const id = sql.ref(`${table}.id`)
  const newest = sql`${at} desc, ${id} desc`
  return order === 'worst' ? sql`severity_weight(${sql.ref(`${table}.severity`)}) desc, ${newest}` : newest
}

const tallied = (filter: AlertFilter): RawBuilder<unknown> => sql`
  select t.severity, t.folded, sum(t.n) as n from alert_tally t
  where ${sql.join(tallyConditions(filter), sql` and `)} group by 1, 2 having sum(t.n) <> 0`

/** Counting stops here: history has no end, what is unresolved has. */
const countedAtMost = ({ statuses }: AlertFilter): number => (statuses.includes('resolved') ? 10_000 : 50_000)

const counted = (filter: AlertFilter): RawBuilder<unknown> => sql`
  select severity, folded, count(*) as n from (
    select a.severity, folded_by(a.suppressed) as folded from alerts a
    where ${sql.join(alertConditions(filter), sql` and `)} limit ${sql.lit(countedAtMost(filter))}) matching
  group by 1, 2`

function groups(filter: AlertFilter, page: AlertPage): RawBuilder<unknown> {
  if (page.cursor !== undefined) return sql`select 1 where false`
  if (page.groupBy !== undefined) return groupsOf(shownConditions(filter, page), page.groupBy)
  // What is over needs nobody's attention.
  const statuses = filter.statuses.filter((status) => status !== 'resolved')
  return statuses.length === 0
    ? sql`select 1 where false`
    : devicesFirst(shownConditions({ ...filter, statuses }, page))
}
