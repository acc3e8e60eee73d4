/** How well devices are patched: one statement counts them, gathers the page that was asked for, and names what is mostly lacking. */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { deviceConditions, type DeviceFilter, type DeviceGroup, groupCondition } from '../devices/filter.ts'
import { patchState, type UnknownBecause, unknownBecause } from './state.ts'
import type { PatchState, UpdateSeverity } from './tables.ts'

export const GROUPINGS = ['device', 'organization', 'site', 'group', 'update'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface PatchQuery {
  filter: DeviceFilter
  /** Of the devices listed; the counts are of all. */
  states: readonly PatchState[]
  /** Only updates for security count as missing. */
  security: boolean
  /** Only updates rated so count. */
  severities?: readonly UpdateSeverity[] | undefined
  grouping: Grouping
  /** To group by; a device counts in each that it is in. */
  groups: readonly { name: string; group: DeviceGroup }[]
  limit: number
  offset: number
}

export interface PatchCounts {
  devices: number
  up_to_date: number
  missing: number
  failed: number
  unknown: number
}

export interface PatchGroup extends PatchCounts {
  id: string
  name: string
}

/** Devices of which one knows that they lack it. */
export interface LackingUpdate {
  name: string
  article: string | null
  devices: number
  security: boolean | null
  severity: UpdateSeverity | null
  /** By its publisher, `YYYY-MM-DD`. */
  released_on: string | null
  /** When the first of them was seen to lack it. */
  first_seen_at: string
}

export interface PatchDevice {
  id: string
  name: string
  organization: string
  site: string
  state: PatchState
  missing: number
  failed: number
  reason: UnknownBecause | null
  lists_updated_at: string | null
  last_seen_at: string | null
  reboot_pending_since: string | null
}

export interface PatchStatus {
  counts: PatchCounts
  /** Of the devices that lack some: how many the best and the worst of them lack. */
  lacking: { fewest: number; most: number } | null
  /** Fully patched or lacking, as far as known, but they tell nothing of failures. */
  failures_unseen: number
  updates: LackingUpdate[]
  /** How many there are, of which `updates` are those most lacked. */
  updates_total: number
  groups: PatchGroup[]
  groups_total: number
  devices: PatchDevice[]
  devices_total: number
}

/** What is named whatever was asked for. */
const TOP_UPDATES = 5
const RANK = sql`array_position(array['failed', 'missing', 'unknown', 'up_to_date'], state)`

export async function patchStatus(tx: Tx, asked: PatchQuery, now: Date): Promise<PatchStatus> {
  const built = sql<PatchStatus>`
    with matching as materialized (${matching(asked)}),
    scope as materialized (${scope(asked, now)}),
    listed as (select * from scope where state = any (${[...asked.states]}::text[])),
    lacked as materialized (${lacked(asked)}),
    grouped as materialized (${grouped(asked)})
    select ${counts(sql`scope`)} as counts,
      (select json_build_object('fewest', min(missing), 'most', max(missing)) from scope where state = 'missing' having count(*) > 0) as lacking,
      (select count(*) from scope where not history_known and state in ('missing', 'up_to_date')) as failures_unseen,
      (select count(*) from lacked) as updates_total,
      (select count(*) from grouped) as groups_total,
      (select count(*) from listed) as devices_total,
      ${page(sql`select * from lacked order by devices desc, security desc nulls last, name`, asked, 'update', TOP_UPDATES)} as updates,
      ${page(sql`select * from grouped order by failed + missing desc, unknown desc, lower(name), id`, asked, asked.grouping)} as groups,
      ${page(deviceRows(), asked, 'device')} as devices`
  const [status] = await tx.all<PatchStatus>({ compile: () => built.compile(query) })
  if (!status) throw new Error('the statement of totals always has a row')
  return status
}

/** Whether an update is one that was asked about. */
function counting({ security, severities }: PatchQuery): RawBuilder<unknown> {
  return sql`(${sql.join(
    [
      ...(security ? [sql`coalesce(u.security, false)`] : []),
      ...(severities ? [sql`coalesce(u.severity = any (${[...severities]}::text[]), false)`] : []),
      sql`true`,
    ],
    sql` and `,
  )})`
}

const isNarrowed = ({ security, severities }: PatchQuery): boolean => security || severities !== undefined

/** Of each device: how many updates count, and how many might, because nobody says what they are. */
function matching(asked: PatchQuery): RawBuilder<unknown> {
  if (!isNarrowed(asked)) return sql`select null::uuid as device_id, 0 as certain, 0 as possible where false`
  return sql`select device_id, count(*) filter (where ${counting(asked)}) as certain,
    count(*) filter (where ${mightCount(asked)}) as possible from device_updates u group by device_id`
}

/** Publishers who do not rate an update may have called it anything, unless they say that it is not for security. */
function mightCount({ severities }: PatchQuery): RawBuilder<unknown> {
  const rated = severities ? sql`u.severity is null or u.severity = any (${[...severities]}::text[])` : sql`true`
  return sql`(u.security is distinct from false and (${rated}))`
}

function scope(asked: PatchQuery, now: Date): RawBuilder<unknown> {
  const conditions = sql.join(deviceConditions(asked.filter), sql` and `)
  const base = sql`
    select d.id, d.name, d.organization_id, d.site_id, coalesce(ps.missing, 0) as missing, coalesce(ps.failed, 0) as failed,
      ${unknownBecause(now)} as reason, ps.lists_updated_at, p.last_seen_at,
      ps.reboot_pending_since, coalesce(ps.history_known, false) as history_known, ${patchState(now)} as state
    from devices d left join device_presence p on p.device_id = d.id left join device_patch_state ps on ps.device_id = d.id
    where ${conditions}`
  if (!isNarrowed(asked)) return base
  return sql`
    select id, name, organization_id, site_id, coalesce(m.certain, 0) as missing, failed,
      coalesce(reason, case when state <> 'failed' and coalesce(m.certain, 0) = 0 and m.possible > 0 then 'unrated' end) as reason, lists_updated_at, last_seen_at,
      reboot_pending_since, history_known,
      case when state in ('unknown', 'failed') then state when coalesce(m.certain, 0) > 0 then 'missing'
        when coalesce(m.possible, 0) > 0 then 'unknown' else 'up_to_date' end as state
    from (${base}) b left join matching m on m.device_id = b.id`
}

/** Of devices whose report counts: what the others lacked once is not known to be lacking. */
function lacked(asked: PatchQuery): RawBuilder<unknown> {
  return sql`
    select min(u.name) as name, min(u.article) as article, count(distinct u.device_id) as devices, bool_or(u.security) as security,
      (array['critical', 'important', 'moderate', 'low'])[min(array_position(array['critical', 'important', 'moderate', 'low'], u.severity))]
        as severity,
      max(u.released_on)::text as released_on, min(u.first_seen_at) as first_seen_at
    from device_updates u join scope s on s.id = u.device_id
    where s.state in ('missing', 'failed') and ${counting(asked)}
    group by coalesce(u.article, u.name)`
}

function grouped({ grouping, groups }: PatchQuery): RawBuilder<unknown> {
  const counted = sql`count(*) as devices, count(*) filter (where state = 'up_to_date') as up_to_date,
    count(*) filter (where state = 'missing') as missing, count(*) filter (where state = 'failed') as failed,
    count(*) filter (where state = 'unknown') as unknown`
  if (grouping === 'organization')
    return sql`select o.id, o.name, ${counted} from scope s join organizations o on o.id = s.organization_id group by o.id, o.name`
  if (grouping === 'site')
    return sql`select i.id, i.name, ${counted} from scope s join sites i on i.id = s.site_id group by i.id, i.name`
  if (grouping === 'group' && groups.length > 0) {
    const each = groups.map(
      ({
        name,
        group,
      }) => sql`select ${group.id}::uuid as id, ${name}::text as name, ${counted} from scope where id in (
        select d.id from devices d left join device_presence p on p.device_id = d.id where ${groupCondition(group)})`,
    )
    return sql.join(each, sql` union all `)
  }
  return sql`select null::uuid as id, ''::text as name, ${counted} from scope where false group by 1, 2`
}

function counts(of: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select json_build_object('devices', count(*), 'up_to_date', count(*) filter (where state = 'up_to_date'),
    'missing', count(*) filter (where state = 'missing'), 'failed', count(*) filter (where state = 'failed'),
    'unknown', count(*) filter (where state = 'unknown')) from ${of})`
}

const deviceRows = (): RawBuilder<unknown> => sql`
  select l.id, l.name, o.name as organization, i.name as site, l.state, l.missing, l.failed, l.reason, l.lists_updated_at, l.last_seen_at,
    l.reboot_pending_since
  from listed l join organizations o on o.id = l.organization_id join sites i on i.id = l.site_id
  order by ${RANK}, l.missing desc, lower(l.name), l.id`

/** The asked page of the list that the call is grouped by; of another one its beginning, or nothing. */
function page(rows: RawBuilder<unknown>, asked: PatchQuery, grouping: Grouping, otherwise = 0): RawBuilder<unknown> {
  const [limit, offset] = asked.grouping === grouping ? [asked.limit, asked.offset] : [otherwise, 0]
  return sql`coalesce((select json_agg(t) from (${rows} limit ${limit} offset ${offset}) t), '[]')`
}

export interface DeviceUpdate {
  device_id: string
  name: string
  article: string | null
  security: boolean | null
  first_seen_at: string
}

/** The updates that count of each device, those for security first, and no more than `most`. */
export async function updatesOf(
  tx: Tx,
  ids: readonly string[],
  asked: PatchQuery,
  most: number,
): Promise<DeviceUpdate[]> {
  if (ids.length === 0) return []
  const built = sql<DeviceUpdate>`
    select device_id, name, article, security, first_seen_at from (
      select *, row_number() over (partition by device_id order by security desc nulls last, first_seen_at, name) as place
      from device_updates u where device_id = any (${[...ids]}::uuid[]) and ${counting(asked)}) ranked
    where place <= ${most} order by device_id, place`
  return tx.all<DeviceUpdate>({ compile: () => built.compile(query) })
}
