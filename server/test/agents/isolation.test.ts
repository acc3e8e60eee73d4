import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../../src/kernel/db.ts'
import { bootFleet, type Fleet, newId, type Place, reach, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

const TABLES = [
  'devices',
  'device_presence',
  'device_sections',
  'device_counts',
  'device_commands',
  'enrollment_tokens',
] as const

let fleet: Fleet
let ours: Place
let theirs: Place
let command: string | undefined
beforeAll(async () => {
  fleet = await bootFleet()
  ours = await fleet.place()
  theirs = await fleet.place()
  for (const place of [ours, theirs]) {
    const agent = new TestAgent(fleet.url)
    await agent.enroll(await fleet.token(place))
    await agent.connect()
    const { ids } = await fleet.queue(place, [agent.deviceId])
    command = ids[0]
    const section = { status: 'timeout', source: 'df', collectedAt: new Date().toISOString() }
    agent.send({ type: 'inventory', sections: { disks: section }, hashes: { disks: 'h' } })
    await until(
      async () =>
        (await fleet.sql('select from device_sections s where device_id = $1', [agent.deviceId])).length === 1,
    )
    await agent.disconnect()
  }
  await fleet.presence.flush()
})
afterAll(() => fleet.stop())

const rows = (table: (typeof TABLES)[number], access: Parameters<Fleet['db']['tenant']>[0]) =>
  fleet.db.tenant(access, (tx) =>
    tx.prepared<{ organization_id: string }>(`all_${table}`, `select organization_id from ${table}`, []),
  )

test.each(TABLES)("%s: an organization's context sees its own rows and nobody else's", async (table) => {
  const all = await fleet.sql<pg.QueryResultRow>(`select organization_id from ${table}`)
  expect(new Set(all.map((row) => row['organization_id']))).toEqual(
    new Set([ours.organizationId, theirs.organizationId]),
  )
  const seen = await rows(table, reach(ours))
  expect(seen.length).toBeGreaterThan(0)
  expect(seen.every((row) => row.organization_id === ours.organizationId)).toBe(true)
})

test.each(TABLES)('%s: a context without organizations sees nothing, partner-wide or not', async (table) => {
  expect(await rows(table, reach(ours, { whole: [] }))).toEqual([])
  expect(await rows(table, reach(ours, { whole: [], partnerWide: true }))).toEqual([])
  expect(await rows(table, reach(ours, { whole: [], limited: [ours.organizationId], sites: [newId()] }))).toEqual([])
})

test("another organization's rows can be neither changed nor taken nor planted", async () => {
  const at = new Date()
  await fleet.db.tenant(reach(ours), async (tx) => {
    expect(
      await tx.run(
        query.updateTable('devices').set({ name: 'x' }).where('organization_id', '=', theirs.organizationId),
      ),
    ).toBe(0)
    expect(
      await tx.run(
        query
          .updateTable('device_commands')
          .set({ state: 'cancelled' })
          .where('id', '=', command ?? ''),
      ),
    ).toBe(0)
    expect(await fleet.commands.cancel(tx, at, { organizationId: theirs.organizationId }, 'x')).toEqual({
      cancelled: 0,
      asked: 0,
    })
  })
  const plant = fleet.db.tenant(reach(ours), (tx) =>
    fleet.enrollment.createToken(tx, {
      organizationId: theirs.organizationId,
      siteId: theirs.siteId,
      uses: 1,
      expiresAt: at,
      createdBy: newId(),
    }),
  )
  await expect(plant).rejects.toThrow(/row-level security/)
})

test('requests can not write what only presence, delivery and agents write', async () => {
  const forbidden = [
    query.updateTable('devices').set({ status: 'online' }),
    query.updateTable('devices').set({ public_key: Buffer.alloc(32) }),
    query.updateTable('device_commands').set({ payload: '{}' }),
    query.updateTable('device_commands').set({ output: 'forged' }),
    query.updateTable('device_commands').set({ data: '{}' }),
    query.deleteFrom('device_command_output'),
    query.deleteFrom('device_commands'),
    query.deleteFrom('devices'),
    query.updateTable('device_presence').set({ last_seen_at: new Date() }),
    query.updateTable('device_sections').set({ hash: 'x' }),
  ]
  for (const statement of forbidden) {
    await expect(fleet.db.tenant(reach(ours), (tx) => tx.run(statement))).rejects.toThrow(/permission denied/)
  }
})
