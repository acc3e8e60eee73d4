/**
 * Groups of devices: those that were put into one, or those that match a saved filter. A group widens nobody's reach: who is
 * in it is asked with the reader's own, each time.
 */
import { type RawBuilder, sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { findNamed, listNamed, type NamePage } from '../../kernel/named-rows.ts'
import { deviceConditions, type DeviceGroup, groupCondition } from './filter.ts'
import { conditionsOf, fieldsOfFilter, type SavedFilter, savedFilter } from './saved-filter.ts'

/** Per partner and per organization. */
const MOST_GROUPS = 500

export interface GroupRow {
  id: string
  partnerId: string
  organizationId: string | null
  name: string
  /** Null: its members were put into it. */
  filter: SavedFilter | null
}

interface StoredGroup {
  id: string
  partner_id: string
  organization_id: string | null
  name: string
  filter: unknown
}

const COLUMNS = ['id', 'partner_id', 'organization_id', 'name', 'filter'] as const

function groupRow({ id, partner_id, organization_id, name, filter }: StoredGroup): GroupRow {
  const parsed = filter === null ? null : savedFilter.parse(filter)
  return { id, partnerId: partner_id, organizationId: organization_id, name, filter: parsed }
}

const storedGroups = () => query.selectFrom('device_groups').select(COLUMNS)

/** By id or name, within what the transaction sees. */
export const findGroup = async (tx: Tx, reference: string): Promise<GroupRow> =>
  groupRow(
    await findNamed(tx, 'group', storedGroups(), reference, ({ organization_id: of }) =>
      of === null ? 'of the partner' : `of organization ${of}`,
    ),
  )

export async function groupsCalled(tx: Tx, references: readonly string[]): Promise<DeviceGroup[]> {
  const groups: DeviceGroup[] = []
  for (const reference of references) groups.push(await deviceGroup(tx, await findGroup(tx, reference)))
  return groups
}

async function deviceGroup(tx: Tx, { id, partnerId, organizationId, filter }: GroupRow): Promise<DeviceGroup> {
  const conditions = filter && conditionsOf(filter, await fieldsOfFilter(tx, filter.field))
  return { id, partnerId, organizationId, filter: conditions }
}

/** Those that the transaction sees, by name, each with what tells who is in it. */
export async function namedGroups(tx: Tx, most: number): Promise<{ name: string; group: DeviceGroup }[]> {
  const stored = await tx.all(
    query
      .selectFrom('device_groups')
      .select(COLUMNS)
      .orderBy(sql`lower(name)`)
      .orderBy('id')
      .limit(most),
  )
  const groups: { name: string; group: DeviceGroup }[] = []
  for (const row of stored) groups.push({ name: row.name, group: await deviceGroup(tx, groupRow(row)) })
  return groups
}

/** For the server's own work: the members of groups, by group, or those `among` some devices. What is no group has none. */
export async function groupMembers(
  tx: Tx,
  ids: readonly string[],
  among?: readonly string[],
): Promise<Map<string, string[]>> {
  const within = among === undefined ? [] : [sql`d.id = any (${[...among]}::uuid[])`]
  const stored = await tx.all(
    query
      .selectFrom('device_groups')
      .select(COLUMNS)
      .where('id', 'in', [...ids]),
  )
  const members = new Map<string, string[]>()
  for (const row of stored) {
    const group = await deviceGroup(tx, groupRow(row))
    const found = await tx.all<{ id: string }>(
      memberQuery(sql`d.id`, [sql`d.removed_at is null`, groupCondition(group), ...within]),
    )
    members.set(
      group.id,
      found.map((device) => device.id),
    )
  }
  return members
}

function memberQuery<Row>(what: RawBuilder<unknown>, conditions: readonly RawBuilder<unknown>[]) {
  const built = sql<Row>`
    select ${what} from devices d left join device_presence p on p.device_id = d.id where ${sql.join(conditions, sql` and `)}`
  return { compile: () => built.compile(query) }
}

export interface GroupPage extends NamePage {
  organizationIds?: readonly string[] | undefined
}

export async function listGroups(tx: Tx, { organizationIds, ...page }: GroupPage) {
  let rows = storedGroups()
  if (organizationIds) rows = rows.where('organization_id', 'in', [...organizationIds])
  const list = await listNamed(tx, rows, page)
  const groups = list.rows.map(groupRow)
  return { groups, members: await countMembers(tx, groups), counted: list.counted, next: list.next }
}

/** Of those that the transaction sees, in one statement for all groups. */
export async function countMembers(tx: Tx, groups: readonly GroupRow[]): Promise<Map<string, number>> {
  if (groups.length === 0) return new Map()
  const each: RawBuilder<unknown>[] = []
  for (const group of groups) {
    const conditions = [...deviceConditions({ groups: [await deviceGroup(tx, group)] })]
    each.push(sql`select ${group.id}::uuid as id, count(*) as n
      from devices d left join device_presence p on p.device_id = d.id where ${sql.join(conditions, sql` and `)}`)
  }
  const built = sql<{ id: string; n: number }>`${sql.join(each, sql` union all `)}`
  const rows = await tx.all<{ id: string; n: number }>({ compile: () => built.compile(query) })
  return new Map(rows.map(({ id, n }) => [id, n]))
}

export interface GroupChange {
  at: Date
  by: string
}

export async function addGroup(tx: Tx, group: GroupRow, { at, by }: GroupChange): Promise<void> {
  const level = await tx.first(
    query
      .selectFrom('device_groups')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('partner_id', '=', group.partnerId)
      .where('organization_id', group.organizationId === null ? 'is' : '=', group.organizationId),
  )
  if ((level?.n ?? 0) >= MOST_GROUPS)
    throw conflict(`There are ${MOST_GROUPS} groups already.`, 'Delete one that is not needed any more.')
  const { id, partnerId, organizationId, name, filter } = group
  const added = await tx.run(
    query
      .insertInto('device_groups')
      .values({
        id,
        partner_id: partnerId,
        organization_id: organizationId,
        name,
        filter: filter && JSON.stringify(filter),
        updated_at: at,
        updated_by: by,
      })
      .onConflict((clash) => clash.doNothing()),
  )
  if (added === 0) throw nameTaken(name)
}

const RENAME_CLASH = `
  select from device_groups where lower(name) = lower($2) and id <> $1
    and organization_id is not distinct from (select organization_id from device_groups where id = $1)`

export async function changeGroup(
  tx: Tx,
  group: GroupRow,
  { name = group.name, filter = group.filter }: { name?: string | undefined; filter?: SavedFilter | null | undefined },
  { at, by }: GroupChange,
): Promise<void> {
  if ((await tx.prepared('group_name_clash', RENAME_CLASH, [group.id, name])).length > 0) throw nameTaken(name)
  const set = { name, filter: filter && JSON.stringify(filter), updated_at: at, updated_by: by }
  await tx.run(
    query
      .updateTable('device_groups')
      .set((e) => ({ ...set, version: e('version', '+', 1) }))
      .where('id', '=', group.id),
  )
}

export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  await tx.run(query.deleteFrom('device_groups').where('id', '=', id))
}

const ADD = `
  insert into device_group_members (group_id, device_id, organization_id, site_id)
  select $1, d.id, d.organization_id, d.site_id from devices d
  where d.id = any ($2::uuid[]) and d.removed_at is null order by d.id
  on conflict do nothing returning device_id as id`
const REMOVE =
  'delete from device_group_members where group_id = $1 and device_id = any ($2::uuid[]) returning device_id as id'

/** Answers those that were not in it before. */
export async function addMembers(tx: Tx, groupId: string, deviceIds: readonly string[]): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('add_group_members', ADD, [groupId, deviceIds])
  return rows.map((row) => row.id)
}

/** Answers those that were in it. */
export async function removeMembers(tx: Tx, groupId: string, deviceIds: readonly string[]): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('remove_group_members', REMOVE, [groupId, deviceIds])
  return rows.map((row) => row.id)
}

const nameTaken = (name: string) => conflict(`There is already a group called "${name}".`, 'Choose another name.')
