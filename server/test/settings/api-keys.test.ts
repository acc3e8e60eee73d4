import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done, inPerson, type Answer } from './answers.ts'

let h: Harness
let operator: Caller
let acme: Organization
let globex: Organization

beforeAll(async () => {
  h = await boot()
  acme = await h.organization('Acme')
  globex = await h.organization('Globex')
  operator = await h.operator()
})
afterAll(() => h.stop())

const opens = async (token: string, ip = '127.0.0.1') =>
  h.server.authenticator.authenticate({ authorization: `Bearer ${token}`, apiKey: null, ip })
const create = (caller: Caller, input: Answer) =>
  h.invoke(caller, 'create_api_key', { name: 'k', scopes: ['ai:read'], ...input })
const asKey = async (made: Answer): Promise<Caller> =>
  h.caller({ id: made['id'], key: made['key'], userId: '' }, 'rest')

describe('create_api_key', () => {
  it('makes a key that opens, and keeps its secret nowhere', async () => {
    const made = done(await create(operator, { name: 'Assistant', organizations: 'Acme', expires_in: '30d' }))
    expect(made).toMatchObject({
      name: 'Assistant',
      scopes: ['ai:read'],
      key: expect.stringMatching(/^brz_[\w-]{43}$/),
    })
    expect(Math.round((Date.parse(made['expires_at']) - Date.now()) / 86_400_000)).toBe(30)
    const identity = await opens(made['key'])
    expect([...(identity?.organizations.keys() ?? [])]).toEqual([acme.id])
    expect(identity?.partner).toBeNull()
    const everything = JSON.stringify([
      await h.sql('select * from api_keys'),
      await h.sql('select body, payload from audit_entries'),
      await h.sql('select input, summary from operations'),
    ])
    expect(everything).not.toContain(made['key'])
  })

  it('makes a partner-wide key and one over several organizations', async () => {
    const wide = done(await create(operator, { partner_wide: true }))
    expect(wide['expires_at']).toBeNull()
    expect((await asKey(wide)).partner).not.toBeNull()
    const two = await asKey(done(await create(operator, { organizations: ['Acme', 'Globex'] })))
    expect([...two.organizations.keys()].sort()).toEqual([acme.id, globex.id].sort())
  })

  it('refuses bad input by name', async () => {
    const bad: Answer[] = [
      { scopes: ['ai:everything'] },
      { scopes: [] },
      { organizations: 'Acme', expires_in: 'soon' },
      { organizations: 'Acme', expires_in: '1s' },
      { organizations: 'Acme', ip_allow_list: ['10.0.0.0/33'] },
      { organizations: 'Acme', partner_wide: true },
      {},
    ]
    for (const input of bad) expect([input, code(await create(operator, input))]).toEqual([input, 'invalid_input'])
    expect(denial(await create(operator, { organizations: 'Acme', expires_in: 'soon' })).reason).toContain(
      '"soon" is not a duration',
    )
  })

  it("never exceeds its maker's role and reach", async () => {
    const technician = await inPerson(h, await h.user('technician', acme.id))
    expect(code(await create(technician, { scopes: ['ai:execute'] }))).toBe('done')
    expect(code(await create(technician, { scopes: ['administration.execute'] }))).toBe('forbidden')
    expect(code(await create(technician, { scopes: ['ai:execute_admin'] }))).toBe('forbidden')
    expect(code(await create(technician, { partner_wide: true }))).toBe('forbidden')
    expect(code(await create(technician, { organizations: 'Globex' }))).toBe('not_found')
    const manager = await inPerson(h, await h.user('account_manager'))
    expect(denial(await create(manager, { scopes: ['ai:execute'], organizations: 'Acme' }))).toMatchObject({
      code: 'forbidden',
      reason: 'The scope ai:execute is above your role.',
    })
    expect(code(await create(operator, { scopes: ['ai:execute_admin'], organizations: 'Acme' }))).toBe('done')
    const viewer = await inPerson(h, await h.user('viewer', acme.id))
    expect(code(await create(viewer, {}))).toBe('forbidden')
  })

  it('never exceeds the key that makes it', async () => {
    const admin = await h.user('partner_admin')
    const soon = new Date(Date.now() + 3_600_000)
    const key = await h.key(admin, ['administration.write', 'ai:write'], {
      organizations: [acme.id],
      expiresAt: soon,
      ipAllowList: ['127.0.0.0/8'],
    })
    const maker = await h.caller(key, 'rest')
    expect(denial(await create(maker, { scopes: ['ai:execute'] }))).toMatchObject({
      code: 'insufficient_scope',
      required_scope: 'ai:execute',
    })
    expect(code(await create(maker, { scopes: ['ai:execute_admin'] }))).toBe('insufficient_scope')
    expect(code(await create(maker, { organizations: 'Globex' }))).toBe('not_found')
    expect(code(await create(maker, { partner_wide: true }))).toBe('forbidden')
    expect(code(await create(maker, { expires_in: '2h' }))).toBe('forbidden')
    expect(code(await create(maker, { ip_allow_list: ['0.0.0.0/0'] }))).toBe('forbidden')
    expect(code(await create(maker, { ip_allow_list: ['127.0.0.0/16'], expires_in: '30m' }))).toBe('done')
    const made = done(await create(maker, { scopes: ['ai:write', 'devices.read'] }))
    expect(made['expires_at']).toBe(soon.toISOString())
    expect(await opens(made['key'], '10.1.1.1')).toBeNull()
  })

  it('makes keys for a service user of the maker only', async () => {
    const service = done(
      await h.invoke(operator, 'create_user', { kind: 'service', name: 'Sync', role: 'viewer', organizations: 'Acme' }),
    )
    const made = done(await create(operator, { user: 'Sync', organizations: 'Acme', scopes: ['ai:execute'] }))
    expect((await asKey(made)).user).toMatchObject({ id: service['id'], kind: 'service' })
    const other = await inPerson(h, await h.user('partner_admin'))
    expect(code(await create(other, { user: 'Sync', organizations: 'Acme' }))).toBe('forbidden')
    expect(code(await create(other, { user: operator.user.id, organizations: 'Acme' }))).toBe('forbidden')
  })

  it('ends with its user, its expiry and outside its addresses', async () => {
    const user = await h.user('technician', acme.id)
    const person = await inPerson(h, user)
    const anywhere = done(await create(person, {}))
    const bounded = done(await create(person, { ip_allow_list: ['192.0.2.7', '2001:db8::5/32'] }))
    expect(await opens(bounded['key'])).toBeNull()
    expect(await opens(bounded['key'], '192.0.2.7')).not.toBeNull()
    expect(await opens(bounded['key'], '2001:db8:1::9')).not.toBeNull()
    await h.sql(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [bounded['id']])
    expect(await opens(bounded['key'], '192.0.2.7')).toBeNull()
    done(await h.invoke(operator, 'update_user', { action: 'disable', user }))
    expect(await opens(anywhere['key'])).toBeNull()
    const response = await fetch(`${h.server.url}/api/v1/tools`, { headers: { 'x-api-key': anywhere['key'] } })
    expect(response.status).toBe(401)
  })

  it('keeps a site-limited technician to that site', async () => {
    const warehouse = await h.site(acme.id, 'Warehouse')
    const person = await inPerson(h, await h.user('technician', acme.id, [warehouse]))
    const key = await asKey(done(await create(person, { scopes: ['ai:execute', 'administration.read'] })))
    expect(done(await h.invoke(key, 'list_sites', {}))).toMatchObject({ total: 1, sites: [{ id: warehouse }] })
    await h.device(acme, 'office-pc')
    const mine = await h.device(acme, 'warehouse-pc', { siteId: warehouse })
    expect(done(await h.invoke(key, 'list_devices', {}))).toMatchObject({ total: 1, devices: [{ id: mine }] })
  })
})

describe('list_api_keys', () => {
  it('shows people their own keys, administrators those of their organization, nobody a secret', async () => {
    const [one, two] = [
      await inPerson(h, await h.user('technician', globex.id)),
      await inPerson(h, await h.user('technician', globex.id)),
    ]
    const own = done(await create(one, { name: 'one' }))
    done(await create(two, { name: 'two' }))
    const mine = done(await h.invoke(one, 'list_api_keys', {}))
    expect(mine).toMatchObject({
      total: 1,
      api_keys: [{ id: own['id'], name: 'one', state: 'active', prefix: own['key'].slice(0, 10), last_used_at: null }],
    })
    const admin = await inPerson(h, await h.user('organization_admin', globex.id))
    const all = done(await h.invoke(admin, 'list_api_keys', {}))
    expect(all['api_keys'].map((key: { name: string }) => key.name)).toEqual(['two', 'one'])
    expect(JSON.stringify(all)).not.toContain(own['key'])
    await opens(own['key'])
    await h.server.authenticator.flushLastUsed()
    const used = done(await h.invoke(one, 'list_api_keys', {}))['api_keys'][0]
    expect(used).toMatchObject({ last_used_ip: '127.0.0.1', last_used_at: expect.stringContaining('T') })
  })

  it('pages newest first, each key once', async () => {
    const person = await inPerson(h, await h.user('technician', globex.id))
    for (let n = 0; n < 5; n++) done(await create(person, { name: `n${n}` }))
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = done(await h.invoke(person, 'list_api_keys', { limit: 2, ...(cursor && { cursor }) }))
      names.push(...page['api_keys'].map((key: { name: string }) => key.name))
      cursor = page['next_cursor']
    } while (cursor)
    expect(names).toEqual(['n4', 'n3', 'n2', 'n1', 'n0'])
    const first = done(await h.invoke(person, 'list_api_keys', { limit: 2 }))
    expect(code(await h.invoke(person, 'list_api_keys', { state: 'deleted', cursor: first['next_cursor'] }))).toBe(
      'invalid_input',
    )
  })
})
