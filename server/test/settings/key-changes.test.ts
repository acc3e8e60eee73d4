import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done, inPerson, type Answer } from './answers.ts'

let h: Harness
let operator: Caller
let acme: Organization

beforeAll(async () => {
  h = await boot()
  acme = await h.organization('Acme')
  await h.organization('Globex')
  operator = await h.operator()
})
afterAll(() => h.stop())

const opens = async (token: string, ip = '127.0.0.1') =>
  h.server.authenticator.authenticate({ authorization: `Bearer ${token}`, apiKey: null, ip })
const create = (caller: Caller, input: Answer) =>
  h.invoke(caller, 'create_api_key', { name: 'k', scopes: ['ai:read'], ...input })
const asKey = async (made: Answer): Promise<Caller> =>
  h.caller({ id: made['id'], key: made['key'], userId: '' }, 'rest')

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
    const person = await inPerson(h, await h.user('account_manager'))
    const made = done(await create(person, { name: 'mine', organizations: 'Acme' }))
    expect(code(await h.invoke(person, 'update_api_key', { key: 'mine', scopes: ['ai:execute'] }))).toBe('forbidden')
    const own = done(await create(operator, { partner_wide: true, scopes: ['administration.write'] }))
    expect(code(await h.invoke(await asKey(own), 'update_api_key', { key: own['id'], expires_in: 'never' }))).toBe(
      'blocked',
    )
    const stranger = await inPerson(h, await h.user('partner_technician'))
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

  it('lets a key rotate itself, but not by its former secret', async () => {
    const input = { name: 'self', partner_wide: true, scopes: ['administration.write'] }
    const made = done(await create(operator, input))
    const rotated = done(await h.invoke(await asKey(made), 'rotate_api_key', { key: made['id'], overlap: '1h' }))
    expect(code(await h.invoke(await asKey(made), 'rotate_api_key', { key: made['id'] }))).toBe('forbidden')
    expect(code(await h.invoke(await asKey(rotated), 'rotate_api_key', { key: made['id'] }))).toBe('done')
  })

  it("is for the key's own user: an administrator can't get another's secret", async () => {
    const person = await inPerson(h, await h.user('technician', acme.id))
    const made = done(await create(person, { name: 'personal' }))
    expect(code(await h.invoke(operator, 'rotate_api_key', { key: made['id'] }))).toBe('forbidden')
    expect(code(await h.invoke(person, 'rotate_api_key', { key: made['id'], overlap: '31d' }))).toBe('invalid_input')
  })
})

describe('a service user with more rights than its owner has now', () => {
  it('gets no new keys and no new secrets from that owner', async () => {
    const owner = await h.user('organization_admin', acme.id)
    const service = { kind: 'service', name: 'Robot', role: 'organization_admin', organizations: 'Acme' }
    done(await h.invoke(await inPerson(h, owner), 'create_user', service))
    const key = done(await create(await inPerson(h, owner), { name: 'robot', user: 'Robot' }))
    const roles = [{ role: 'technician', organizations: 'Acme' }]
    done(await h.invoke(operator, 'update_user', { action: 'set_roles', user: owner, roles }))
    const lowered = await inPerson(h, owner)
    const refused = {
      code: 'forbidden',
      reason: 'The role Organization Admin includes more than you hold yourself there.',
    }
    expect(denial(await create(lowered, { user: 'Robot' }))).toMatchObject(refused)
    expect(denial(await h.invoke(lowered, 'rotate_api_key', { key: key['id'] }))).toMatchObject(refused)
    expect(code(await h.invoke(lowered, 'delete_api_key', { key: key['id'] }))).toBe('done')
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
    expect(done(await h.invoke(operator, 'list_api_keys', { state: 'deleted', limit: 1 }))['api_keys']).toMatchObject([
      { id: made['id'] },
    ])
  })

  it("finds nothing of another organization's", async () => {
    const made = done(await create(operator, { name: 'theirs', organizations: 'Globex' }))
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    expect(code(await h.invoke(admin, 'delete_api_key', { key: made['id'] }))).toBe('not_found')
  })
})
