/** Tags, custom fields and groups: who may change them, and that filters by them never show more than the reader's reach. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { groupMembers } from '../../src/domains/devices/groups.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Answer, code, denial, done } from '../settings/answers.ts'

let world: Harness
let admin: Caller
let technician: Caller
let acme: Organization
let contoso: Organization
let branch: string
let devices: Record<string, string> = {}
let made = 0

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  acme = await world.organization(`Acme ${made}`)
  contoso = await world.organization(`Contoso ${made}`)
  branch = await world.site(acme.id, 'Branch')
  devices = {
    web: await world.device(acme, 'WEB-1', { role: 'server', os: 'Debian 12' }),
    pc: await world.device(acme, 'PC-1', { os: 'Windows 11' }),
    till: await world.device(acme, 'TILL-1', { siteId: branch, os: 'Windows 11' }),
    sql: await world.device(contoso, 'SQL-1', { role: 'server', os: 'Windows Server 2022' }),
  }
  admin = await callerOf('partner_admin')
  technician = await callerOf('technician', acme.id)
})

async function callerOf(role: string, organization: string | null = null, sites?: string[]): Promise<Caller> {
  return world.caller(await world.key(await world.user(role, organization, sites), ['ai:write']))
}
const call = (who: Caller, tool: string, input: object) => world.invoke(who, tool, input)
const names = async (who: Caller, filter: object): Promise<string[]> =>
  done(await call(who, 'list_devices', filter))['devices'].map((device: Answer) => device['name'])
const ofAcme = async (filter: object): Promise<string[]> => names(admin, { organization: acme.id, ...filter })

describe('tags', () => {
  it('are added and taken away by name or by filter, with how many matched and changed', async () => {
    const tagged = await call(technician, 'tag_devices', { filter: { os: 'windows' }, add: ['Front Office', 'pos'] })
    expect(done(tagged)).toMatchObject({ matched: 2, changed: 2 })
    const again = await call(technician, 'tag_devices', { devices: ['WEB-1', 'TILL-1'], add: ['pos'], remove: ['x'] })
    expect(done(again)).toMatchObject({ matched: 2, changed: 1, devices: [{ name: 'WEB-1' }] })
    expect(await ofAcme({ tag: 'POS' })).toEqual(['PC-1', 'TILL-1', 'WEB-1'])
    expect(await ofAcme({ tag: ['front office', 'none'] })).toEqual(['PC-1', 'TILL-1'])
    expect(done(await call(technician, 'get_device_details', { device: 'PC-1', sections: [] }))).toMatchObject({
      tags: ['front office', 'pos'],
    })
    await call(technician, 'tag_devices', { filter: { tag: 'pos' }, remove: ['pos'] })
    expect(await ofAcme({ tag: 'pos' })).toEqual([])
  })

  it('are refused for who may only look, for devices of others, and as no word', async () => {
    const viewer = await callerOf('viewer', acme.id)
    expect(code(await call(viewer, 'tag_devices', { devices: 'PC-1', add: ['x'] }))).toBe('forbidden')
    expect(code(await call(technician, 'tag_devices', { devices: devices['sql'], add: ['x'] }))).toBe('not_found')
    expect(code(await call(technician, 'tag_devices', { devices: 'PC-1', add: ['<b>'] }))).toBe('invalid_input')
    expect(code(await call(technician, 'tag_devices', { devices: 'PC-1' }))).toBe('invalid_input')
    expect(code(await call(technician, 'tag_devices', { filter: { tagg: 'x' }, add: ['x'] }))).toBe('invalid_input')
  })

  it('are at most fifty for a device', async () => {
    const many = Array.from({ length: 50 }, (_, index) => `t${index}`)
    await call(technician, 'tag_devices', { devices: 'PC-1', add: many })
    expect(done(await call(technician, 'tag_devices', { devices: 'PC-1', add: ['more'] }))).toMatchObject({
      changed: 0,
    })
  })
})

describe('custom fields', () => {
  const field = (input: object, who = admin) => call(who, 'manage_custom_fields', input)

  it('hold values of their type, and devices are found by them', async () => {
    const create = { action: 'create', organization: acme.id }
    await field({ ...create, name: 'Rack', type: 'text' })
    await field({ ...create, name: 'Warranty', type: 'date' })
    await field({ ...create, name: 'Seats', type: 'number' })
    await field({ ...create, name: 'Leased', type: 'boolean' })
    await field({ ...create, name: 'Tier', type: 'choice', choices: ['Gold', 'Silver'] })
    const set = (name: string, value: unknown, device = 'WEB-1') =>
      field({ action: 'set', field: name, devices: device, value }, technician)
    for (const [name, value] of [
      ['rack', ' B4 '],
      ['Warranty', '2027-03-31'],
      ['Seats', '12'],
      ['Leased', true],
      ['Tier', 'gold'],
    ])
      expect(done(await set(String(name), value))).toMatchObject({ matched: 1, changed: 1 })
    expect(done(await set('Rack', 'B4'))).toMatchObject({ matched: 1, changed: 0 })
    for (const [name, value] of [
      ['Warranty', 'soon'],
      ['Seats', 'many'],
      ['Leased', 'perhaps'],
      ['Tier', 'Tin'],
      ['Rack', ''],
    ])
      expect([name, code(await set(String(name), value))]).toEqual([name, 'invalid_input'])
    expect(
      done(await call(technician, 'get_device_details', { device: 'WEB-1', sections: [] }))['custom_fields'],
    ).toEqual([
      { name: 'Leased', type: 'boolean', value: true },
      { name: 'Rack', type: 'text', value: 'B4' },
      { name: 'Seats', type: 'number', value: 12 },
      { name: 'Tier', type: 'choice', value: 'Gold' },
      { name: 'Warranty', type: 'date', value: '2027-03-31' },
    ])
    await set('Tier', 'Silver', 'PC-1')
    expect(await ofAcme({ field: { tier: 'gold' } })).toEqual(['WEB-1'])
    expect(await ofAcme({ field: { Rack: 'B4', Seats: 12 } })).toEqual(['WEB-1'])
    expect(await ofAcme({ field: { Rack: 'B4', Seats: 13 } })).toEqual([])
    expect(code(await call(admin, 'list_devices', { field: { Nothing: 'x' } }))).toBe('not_found')
    // A choice that goes takes its values with it.
    await field({ action: 'update', field: 'Tier', name: 'Level', choices: ['Gold'] })
    expect(await ofAcme({ field: { Level: 'gold' } })).toEqual(['WEB-1'])
    await field({ action: 'delete', field: 'Level' })
    expect(await world.sql('select from device_field_values where device_id = $1', [devices['pc']])).toEqual([])
    await set('Rack', null)
    expect(await ofAcme({ field: { Rack: 'B4' } })).toEqual([])
  })

  it('of the partner are its own people’s, of an organization nobody else’s', async () => {
    const name = `Contract ${made}`
    await field({ action: 'create', name, type: 'text' })
    await field({ action: 'set', field: name, devices: devices['pc'], value: 'secret terms' })
    expect(code(await field({ action: 'create', name, type: 'text' }))).toBe('conflict')
    expect(code(await field({ action: 'create', name: 'Mine', type: 'text' }, technician))).toBe('forbidden')
    expect(JSON.stringify(done(await field({ action: 'list' }, technician)))).not.toContain(name)
    const seen = await call(technician, 'get_device_details', { device: 'PC-1', sections: [] })
    expect(JSON.stringify(done(seen))).not.toContain('secret terms')
    expect(code(await field({ action: 'set', field: name, devices: 'PC-1', value: 'x' }, technician))).toBe('not_found')
    await field({ action: 'create', organization: contoso.id, name: 'Theirs', type: 'text' })
    expect(code(await field({ action: 'delete', field: 'Theirs' }, technician))).toBe('not_found')
    const theirs = { action: 'set', field: 'Theirs', devices: devices['pc'], value: 'x' }
    expect(denial(await field(theirs)).reason).toContain('another organization')
  })
})

describe('groups', () => {
  const group = (input: object, who = admin) => call(who, 'manage_groups', input)
  const manager = () => callerOf('organization_admin', acme.id)

  it('put together by hand hold the devices that were put into them', async () => {
    const own = await manager()
    const created = done(await group({ action: 'create', organization: acme.id, name: 'Tills' }, own))
    expect(created).toMatchObject({ name: 'Tills', state: 'created', devices: 0 })
    const added = await group({ action: 'add', group: 'Tills', devices: ['TILL-1', 'PC-1'] }, own)
    expect(done(added)).toMatchObject({ changed: 2, devices: 2 })
    expect(done(await group({ action: 'add', group: 'tills', filter: { os: 'windows 11' } }, own))).toMatchObject({
      changed: 0,
    })
    expect(await names(own, { group: 'Tills' })).toEqual(['PC-1', 'TILL-1'])
    expect(done(await group({ action: 'remove', group: 'Tills', devices: 'PC-1' }, own))).toMatchObject({
      changed: 1,
      devices: 1,
    })
    const members = await world.server.db.worker((tx) => groupMembers(tx, [created['id']]))
    expect(members).toEqual(new Map([[created['id'], [devices['till']]]]))
    const stranger = { action: 'add', group: created['id'], devices: devices['sql'] }
    expect(denial(await group(stranger)).reason).toContain('another organization')
    expect(code(await group({ action: 'update', group: 'Tills', filter: { os: 'x' } }, own))).toBe('invalid_input')
  })

  it('made with a filter hold whatever matches it at the time', async () => {
    const filter = { organization: [acme.name], os: 'windows', site: 'Branch' }
    const created = done(await group({ action: 'create', name: `Windows ${made}`, filter }))
    expect(created).toMatchObject({ devices: 1 })
    await world.device(acme, 'TILL-2', { siteId: branch, os: 'Windows 10' })
    expect(await names(admin, { group: created['id'] })).toEqual(['TILL-1', 'TILL-2'])
    // It is kept by ids: other names change nothing.
    await world.sql('update sites set name = $2 where id = $1', [branch, 'Elsewhere'])
    await group({ action: 'update', group: created['id'], name: `Tills ${made}` })
    expect(await names(admin, { group: `tills ${made}`, text: '2' })).toEqual(['TILL-2'])
    await group({
      action: 'update',
      group: created['id'],
      filter: { role: 'server', last_seen_before: '2020-01-01T00:00:00Z' },
    })
    expect(await names(admin, { group: created['id'], sort: 'last_seen' })).toEqual([])
    const members = await world.server.db.worker((tx) => groupMembers(tx, [created['id']]))
    expect(members.get(created['id'])).toEqual([])
    expect(code(await group({ action: 'add', group: created['id'], devices: 'PC-1' }))).toBe('invalid_input')
    expect(code(await group({ action: 'create', name: 'Nested', filter: { group: 'Tills' } }))).toBe('invalid_input')
    expect(done(await group({ action: 'delete', group: created['id'] }))).toMatchObject({ state: 'deleted' })
    expect(code(await call(admin, 'list_devices', { group: created['id'] }))).toBe('not_found')
  })

  it('show a reader no more than their own reach', async () => {
    await group({ action: 'create', name: `All ${made}`, filter: { status: 'offline' } })
    await group({ action: 'create', organization: acme.id, name: 'Ours', filter: { status: 'offline' } })
    await group({ action: 'create', organization: contoso.id, name: 'Theirs' })
    expect((await names(admin, { group: `All ${made}`, organization: [acme.id, contoso.id] })).length).toBe(4)
    expect(await names(technician, { group: 'Ours' })).toEqual(['PC-1', 'TILL-1', 'WEB-1'])
    const atBranch = await callerOf('technician', acme.id, [branch])
    expect(await names(atBranch, { group: 'Ours' })).toEqual(['TILL-1'])
    for (const name of ['Theirs', `All ${made}`])
      expect([name, code(await call(technician, 'list_devices', { group: name }))]).toEqual([name, 'not_found'])
    const list = done(await call(technician, 'list_groups', {}))
    expect(list).toMatchObject({ groups: [{ name: 'Ours', devices: 3, organization: { id: acme.id } }], total: 1 })
  })

  it('are changed by who may, where they see the whole', async () => {
    await group({ action: 'create', organization: acme.id, name: 'Ours' })
    expect(code(await group({ action: 'delete', group: 'Ours' }, technician))).toBe('forbidden')
    const atBranch = await callerOf('organization_admin', acme.id, [branch])
    expect(code(await group({ action: 'delete', group: 'Ours' }, atBranch))).toBe('not_found')
    expect(code(await group({ action: 'create', name: 'Partner' }, await manager()))).toBe('forbidden')
    expect(code(await group({ action: 'create', organization: contoso.id, name: 'X' }, await manager()))).toBe(
      'not_found',
    )
    expect(code(await group({ action: 'create', organization: acme.id, name: 'ours' }))).toBe('conflict')
    expect(code(await group({ action: 'create', organization: acme.id }))).toBe('invalid_input')
    expect(code(await group({ action: 'update', group: 'Ours' }, await manager()))).toBe('invalid_input')
  })

  it('are listed by name, a page at a time', async () => {
    for (const name of ['b', 'A', 'c']) await group({ action: 'create', organization: acme.id, name })
    const first = done(await call(technician, 'list_groups', { limit: 2 }))
    expect(first).toMatchObject({ groups: [{ name: 'A' }, { name: 'b' }], total: 3 })
    const next = done(await call(technician, 'list_groups', { limit: 2, cursor: first['next_cursor'] }))
    expect(next['groups']).toMatchObject([{ name: 'c', filter: null }])
    expect(next['next_cursor']).toBeUndefined()
  })
})

it('acts take the same filter, and conditions of a filter hold beside those of the act', async () => {
  await call(admin, 'tag_devices', { devices: devices['pc'], add: ['spare'] })
  await world.sql(`update devices set conditions = '{awaiting_approval}' where id = any ($1)`, [
    [devices['pc'], devices['web']],
  ])
  const preview = (filter: object) =>
    call(admin, 'preview_action', { tool: 'manage_devices', input: { action: 'approve', filter } })
  const found = done(await preview({ organization: acme.id, tag: 'spare' }))
  expect(found).toMatchObject({ plan: { blast_radius: { devices: 1, names: ['PC-1'] } } })
  expect(code(await preview({ organization: acme.id, condition: 'quarantined' }))).toBe('not_found')
})

it('devices are found by their patches and by the checks that they fail', async () => {
  const check = 'disk_encrypted'
  await world.sql(
    `insert into compliance_results (device_id, organization_id, site_id, check_id, check_version, result, seen, since)
     values ($1, $2, $3, $4, 1, 'fail', 'not encrypted', now())`,
    [devices['pc'], acme.id, acme.siteId, check],
  )
  expect(await ofAcme({ failing_check: ['firewall_on', check] })).toEqual(['PC-1'])
  expect(await ofAcme({ failing_check: 'firewall_on' })).toEqual([])
  expect(await ofAcme({ patch_state: 'unknown', os: 'debian' })).toEqual(['WEB-1'])
  expect(await ofAcme({ patch_state: ['missing', 'failed'] })).toEqual([])
})
