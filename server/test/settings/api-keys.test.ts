import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done, type Answer } from './answers.ts'

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

async function inPerson(userId: string): Promise<Caller> {
  const identity = await h.server.authenticator.userIdentity(
    userId,
    { kind: 'session', id: userId, name: 'session' },
    null,
  )
  if (!identity) throw new Error('the user has no way in')
  return { ...identity, channel: 'rest', client: null }
}
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
    const technician = await inPerson(await h.user('technician', acme.id))
    expect(code(await create(technician, { scopes: ['ai:execute'] }))).toBe('done')
    expect(code(await create(technician, { scopes: ['administration.execute'] }))).toBe('forbidden')
    expect(code(await create(technician, { scopes: ['ai:execute_admin'] }))).toBe('forbidden')
    expect(code(await create(technician, { partner_wide: true }))).toBe('forbidden')
    expect(code(await create(technician, { organizations: 'Globex' }))).toBe('not_found')
    const manager = await inPerson(await h.user('account_manager'))
    expect(denial(await create(manager, { scopes: ['ai:execute'], organizations: 'Acme' }))).toMatchObject({
      code: 'forbidden',
      reason: 'The scope ai:execute is above your role.',
    })
    expect(code(await create(operator, { scopes: ['ai:execute_admin'], organizations: 'Acme' }))).toBe('done')
    const viewer = await inPerson(await h.user('viewer', acme.id))
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
    const other = await inPerson(await h.user('partner_admin'))
    expect(code(await create(other, { user: 'Sync', organizations: 'Acme' }))).toBe('forbidden')
    expect(code(await create(other, { user: operator.user.id, organizations: 'Acme' }))).toBe('forbidden')
  })

  it('ends with its user, its expiry and outside its addresses', async () => {
    const user = await h.user('technician', acme.id)
    const person = await inPerson(user)
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
    const person = await inPerson(await h.user('technician', acme.id, [warehouse]))
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
      await inPerson(await h.user('technician', globex.id)),
      await inPerson(await h.user('technician', globex.id)),
    ]
    const own = done(await create(one, { name: 'one' }))
    done(await create(two, { name: 'two' }))
    const mine = done(await h.invoke(one, 'list_api_keys', {}))
    expect(mine).toMatchObject({
      total: 1,
      api_keys: [{ id: own['id'], name: 'one', state: 'active', prefix: own['key'].slice(0, 10), last_used_at: null }],
    })
    const admin = await inPerson(await h.user('organization_admin', globex.id))
    const all = done(await h.invoke(admin, 'list_api_keys', {}))
    expect(all['api_keys'].map((key: { name: string }) => key.name)).toEqual(['two', 'one'])
    expect(JSON.stringify(all)).not.toContain(own['key'])
    await opens(own['key'])
    await h.server.authenticator.flushLastUsed()
    const used = done(await h.invoke(one, 'list_api_keys', {}))['api_keys'][0]
    expect(used).toMatchObject({ last_used_ip: '127.0.0.1', last_used_at: expect.stringContaining('T') })
  })

  it('pages newest first, each key once', async () => {
    const person = await inPerson(await h.user('technician', globex.id))
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

describe('update_api_key', () => {
  it('changes name, scopes, expiry and addresses', async () => {
    const made = done(await create(operator, { name: 'before', organizations: 'Acme' }))
    const input = {
      key: made['id'],
      name: 'after',
      scopes: ['ai:write'],
      expires_in: '1h',
      ip_allow_list: ['10.0.0.9/24'],
    }
    expect(done(await h.invoke(operator, 'update_api_key', input))).toMatchObject({
      name: 'after',
      scopes: ['ai:write'],
    })
    const [listed] = done(await h.invoke(operator, 'list_api_keys', { limit: 1 }))['api_keys']
    expect(listed).toMatchObject({ name: 'after', ip_allow_list: ['10.0.0.0/24'] })
    expect(await opens(made['key'])).toBeNull()
    done(await h.invoke(operator, 'update_api_key', { key: 'after', ip_allow_list: null, expires_in: 'never' }))
    expect((await opens(made['key']))?.expiresAt).toBeNull()
  })

  it("never above the editor's rights, never a key's own, never another's", async () => {
    const person = await inPerson(await h.user('account_manager'))
    const made = done(await create(person, { name: 'mine', organizations: 'Acme' }))
    expect(code(await h.invoke(person, 'update_api_key', { key: 'mine', scopes: ['ai:execute'] }))).toBe('forbidden')
    const own = done(await create(operator, { partner_wide: true, scopes: ['administration.write'] }))
    expect(code(await h.invoke(await asKey(own), 'update_api_key', { key: own['id'], expires_in: 'never' }))).toBe(
      'blocked',
    )
    const stranger = await inPerson(await h.user('partner_technician'))
    const refused = denial(await h.invoke(stranger, 'update_api_key', { key: made['id'], name: 'taken' }))
    expect(refused).toMatchObject({ code: 'not_found', reason: `No API key "${made['id']}" is visible to you.` })
  })
})

describe('rotate_api_key', () => {
  it('lets both secrets work during the overlap, and only the new one after it', async () => {
    const made = done(await create(operator, { name: 'turning', organizations: 'Acme' }))
    const rotated = done(await h.invoke(operator, 'rotate_api_key', { key: made['id'], overlap: '1h' }))
    expect(rotated).toMatchObject({
      id: made['id'],
      key: expect.stringMatching(/^brz_/),
      former_secret_until: expect.any(String),
    })
    expect(await opens(made['key'])).not.toBeNull()
    expect(await opens(rotated['key'])).not.toBeNull()
    await h.sql(`update api_keys set former_expires_at = now() - interval '1 second' where id = $1`, [made['id']])
    expect(await opens(made['key'])).toBeNull()
    expect(await opens(rotated['key'])).not.toBeNull()
  })

  it('without an overlap ends the former secret and its streams at once', async () => {
    const made = done(await create(operator, { name: 'leaked', organizations: 'Acme' }))
    const cut: string[] = []
    const forget = h.server.authenticator.onRevoked((id) => cut.push(id))
    const rotated = done(await h.invoke(operator, 'rotate_api_key', { key: 'leaked', overlap: '0' }))
    forget()
    expect(rotated['former_secret_until']).toBeNull()
    expect(cut).toEqual([made['id']])
    expect(await opens(made['key'])).toBeNull()
    expect(await opens(rotated['key'])).not.toBeNull()
  })

  it("is for the key's own user: an administrator can't get another's secret", async () => {
    const person = await inPerson(await h.user('technician', acme.id))
    const made = done(await create(person, { name: 'personal' }))
    expect(code(await h.invoke(operator, 'rotate_api_key', { key: made['id'] }))).toBe('forbidden')
    expect(code(await h.invoke(person, 'rotate_api_key', { key: made['id'], overlap: '31d' }))).toBe('invalid_input')
  })
})

describe('delete_api_key', () => {
  it('takes effect at once, streams included, and leaves the key in the list of deleted ones', async () => {
    const made = done(await create(operator, { name: 'gone', organizations: 'Acme', scopes: ['ai:read'] }))
    const cut: string[] = []
    const forget = h.server.authenticator.onRevoked((id) => cut.push(id))
    expect(done(await h.invoke(operator, 'delete_api_key', { key: 'gone' }))).toMatchObject({
      id: made['id'],
      state: 'deleted',
    })
    forget()
    expect(cut).toEqual([made['id']])
    expect(await opens(made['key'])).toBeNull()
    expect(code(await h.invoke(operator, 'delete_api_key', { key: made['id'] }))).toBe('not_found')
    expect(done(await h.invoke(operator, 'list_api_keys', { state: 'deleted' }))['api_keys']).toMatchObject([
      { id: made['id'] },
    ])
  })

  it("finds nothing of another organization's", async () => {
    const made = done(await create(operator, { name: 'theirs', organizations: 'Globex' }))
    const admin = await inPerson(await h.user('organization_admin', acme.id))
    expect(code(await h.invoke(admin, 'delete_api_key', { key: made['id'] }))).toBe('not_found')
  })
})
