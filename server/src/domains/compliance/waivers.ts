/**
 * Waivers: failures that somebody accepts until a day. They are laid over the results in the database, so that lists, counts
 * and filters all read the same; where a result is no failure they say nothing.
 */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { userNames } from '../../identity/services/users.ts'
import { groupMembers } from '../devices/groups.ts'
import { writeStandings } from './results.ts'
import './tables.ts'

export interface WaiverScope {
  organizationId: string
  siteId: string | null
  deviceId: string | null
  tag: string | null
  groupId: string | null
}

export interface NewWaiver extends WaiverScope {
  id: string
  checkId: string
  reason: string
  until: Date
  by: string
  at: Date
}

export type WaiverState = 'active' | 'expired' | 'ended'

export interface Waiver extends WaiverScope {
  id: string
  checkId: string
  organizationName: string
  siteName: string | null
  deviceName: string | null
  groupName: string | null
  reason: string
  /** Null for somebody whom the reader does not see. */
  createdBy: string | null
  createdAt: Date
  until: Date
  endedBy: string | null
  endedAt: Date | null
  /** Devices whose failure it accepts now. */
  holds: number
}

export async function insertWaiver(tx: Tx, waiver: NewWaiver): Promise<void> {
  await tx.run(
    query.insertInto('compliance_waivers').values({
      id: waiver.id,
      organization_id: waiver.organizationId,
      site_id: waiver.siteId,
      device_id: waiver.deviceId,
      tag: waiver.tag,
      group_id: waiver.groupId,
      check_id: waiver.checkId,
      reason: waiver.reason,
      created_by: waiver.by,
      created_at: waiver.at,
      until: waiver.until,
    }),
  )
}

/** Null where there is none that could be ended. */
export async function endWaiver(tx: Tx, id: string, by: string, at: Date) {
  return tx.first(
    query
      .updateTable('compliance_waivers')
      .set({ ended_by: by, ended_at: at })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .returning(['organization_id', 'check_id']),
  )
}

export async function findWaiver(tx: Tx, id: string): Promise<Waiver | undefined> {
  return (await selectWaivers(tx, [sql`w.id = ${id}::uuid`], 1))[0]
}

export interface WaiverFilter {
  now: Date
  organizationIds?: readonly string[] | undefined
  checkId?: string | undefined
  state?: WaiverState | undefined
}

export async function listWaivers(
  tx: Tx,
  filter: WaiverFilter,
  page: { limit: number; after: { at: string; id: string } | undefined },
): Promise<{ rows: Waiver[]; total: number; next: { at: string; id: string } | null }> {
  const conditions = conditionsOf(filter)
  const position = page.after
    ? [sql`(w.created_at, w.id) < (${page.after.at}::timestamptz, ${page.after.id}::uuid)`]
    : []
  const found = await selectWaivers(tx, [...conditions, ...position], page.limit + 1)
  const counted = sql<{
    n: number
  }>`select count(*) as n from compliance_waivers w where ${sql.join(conditions, sql` and `)}`
  const total = await tx.first<{ n: number }>({ compile: () => counted.compile(query) })
  const rows = found.slice(0, page.limit)
  const last = rows.at(-1)
  return {
    rows,
    total: total?.n ?? 0,
    next: found.length > page.limit && last ? { at: last.createdAt.toISOString(), id: last.id } : null,
  }
}

function conditionsOf({ now, organizationIds, checkId, state }: WaiverFilter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [sql`true`]
  if (organizationIds) conditions.push(sql`w.organization_id = any (${[...organizationIds]}::uuid[])`)
  if (checkId !== undefined) conditions.push(sql`w.check_id = ${checkId}`)
  if (state === 'ended') conditions.push(sql`w.ended_at is not null`)
  if (state === 'expired') conditions.push(sql`w.ended_at is null and w.until <= ${now}`)
  if (state === 'active') conditions.push(sql`w.ended_at is null and w.until > ${now}`)
  return conditions
}

interface Row {
  id: string
  organization_id: string
  organization_name: string
  site_id: string | null
  site_name: string | null
  device_id: string | null
  device_name: string | null
  tag: string | null
  group_id: string | null
  group_name: string | null
  check_id: string
  reason: string
  created_by: string
  created_at: Date
  until: Date
  ended_by: string | null
  ended_at: Date | null
  holds: number
}

async function selectWaivers(tx: Tx, conditions: readonly RawBuilder<unknown>[], limit: number): Promise<Waiver[]> {
  const built = sql<Row>`
    select w.id, w.organization_id, o.name as organization_name, w.site_id, s.name as site_name, w.device_id,
      d.name as device_name, w.tag, w.group_id, g.name as group_name, w.check_id, w.reason, w.created_by, date_trunc('milliseconds', w.created_at) as created_at,
      w.until, w.ended_by, w.ended_at,
      (select count(*) from compliance_results r join devices h on h.id = r.device_id and h.removed_at is null
        where r.organization_id = w.organization_id and r.check_id = w.check_id and r.waiver_id = w.id and r.result = 'fail') as holds
    from compliance_waivers w
      join organizations o on o.id = w.organization_id
      left join sites s on s.id = w.site_id
      left join devices d on d.id = w.device_id
      left join device_groups g on g.id = w.group_id
    where ${sql.join(conditions, sql` and `)}
    order by w.created_at desc, w.id desc limit ${limit}`
  const rows = await tx.all<Row>({ compile: () => built.compile(query) })
  const names = await userNames(
    tx,
    rows.flatMap((row) => [row.created_by, row.ended_by ?? row.created_by]),
  )
  return rows.map((row) => ({
    id: row.id,
    organizationId: row.organization_id,
    organizationName: row.organization_name,
    siteId: row.site_id,
    siteName: row.site_name,
    deviceId: row.device_id,
    deviceName: row.device_name,
    tag: row.tag,
    groupId: row.group_id,
    groupName: row.group_name,
    checkId: row.check_id,
    reason: row.reason,
    createdBy: names.get(row.created_by) ?? null,
    createdAt: row.created_at,
    until: row.until,
    endedBy: row.ended_by === null ? null : (names.get(row.ended_by) ?? null),
    endedAt: row.ended_at,
    holds: row.holds,
  }))
}

const ACTIVE = `
  select distinct organization_id as id from compliance_waivers
  where ended_at is null and until > $1 and organization_id = any ($2::uuid[])`

/** Of these organizations those that accept a failure now. */
export async function waivingOrganizations(tx: Tx, now: Date, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.prepared<{ id: string }>('compliance_waiving', ACTIVE, [now, ids])
  return new Set(rows.map(({ id }) => id))
}

// Of several that are about the same result the longest counts. A device's own is about it whatever else it names.
const APPLY = `
  with touched as materialized (
    select r.device_id, r.check_id, d.organization_id, d.site_id, d.tags, r.waiver_id, r.waived_until
    from compliance_results r join devices d on d.id = r.device_id
    where r.device_id = any ($2::uuid[]) and ($3::text is null or r.check_id = $3)),
  members as materialized (select * from unnest($4::uuid[], $5::uuid[]) as m (group_id, device_id)),
  active as materialized (
    select id, organization_id, site_id, device_id, tag, group_id, check_id, until from compliance_waivers
    where ended_at is null and until > $1 and organization_id in (select organization_id from touched)),
  best as (
    select t.device_id, t.check_id, w.id, w.until
    from touched t left join lateral (
      select a.id, a.until from active a
      where a.organization_id = t.organization_id and a.check_id = t.check_id and case
        when a.device_id is not null then a.device_id = t.device_id
        when a.tag is not null then a.tag = any (t.tags)
        when a.group_id is not null then exists (
          select from members m where m.group_id = a.group_id and m.device_id = t.device_id)
        else a.site_id is null or a.site_id = t.site_id end
      order by a.until desc, a.id limit 1) w on true
    where (t.waiver_id, t.waived_until) is distinct from (w.id, w.until))
  update compliance_results r set waiver_id = b.id, waived_until = b.until
  from best b where r.device_id = b.device_id and r.check_id = b.check_id
  returning r.device_id as id`

/** Lays the waivers in force over the results of devices, of all checks or of one. */
export async function applyWaivers(
  tx: Tx,
  now: Date,
  deviceIds: readonly string[],
  checkId: string | null = null,
): Promise<void> {
  const members = await waivedMembers(tx, now, deviceIds)
  const columns = [members.map(({ group }) => group), members.map(({ device }) => device)]
  const changed = await tx.prepared<{ id: string }>('compliance_waive', APPLY, [now, deviceIds, checkId, ...columns])
  await writeStandings(tx, [...new Set(changed.map(({ id }) => id))])
}

const WAIVED_GROUPS = `
  select distinct group_id as id from compliance_waivers
  where group_id is not null and ended_at is null and until > $1
    and organization_id in (select organization_id from devices where id = any ($2::uuid[]))`

/** Which of the devices are in groups that a waiver is about. */
async function waivedMembers(tx: Tx, now: Date, deviceIds: readonly string[]) {
  const groups = await tx.prepared<{ id: string }>('compliance_waived_groups', WAIVED_GROUPS, [now, deviceIds])
  if (groups.length === 0) return []
  const members = await groupMembers(
    tx,
    groups.map(({ id }) => id),
    deviceIds,
  )
  return [...members].flatMap(([group, devices]) => devices.map((device) => ({ group, device })))
}

/** Devices with a failure that was accepted until now. */
export async function expiredWaivers(tx: Tx, now: Date): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>(
    'compliance_expired',
    'select distinct device_id as id from compliance_results where waived_until <= $1 order by 1',
    [now],
  )
  return rows.map(({ id }) => id)
}
