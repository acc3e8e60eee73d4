import { verify } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done, inPerson } from './answers.ts'

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

describe('list_roles', () => {
  it('lists every role with its level and what it permits, to whoever administers users', async () => {
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    const { roles, total } = done(await h.invoke(admin, 'list_roles', {}))
    expect(total).toBe(roles.length)
    expect(roles).toContainEqual(
      expect.objectContaining({ id: 'viewer', name: 'Viewer', level: 'organization', admin: false }),
    )
  })

  it('is closed to technicians and to keys without the scope of its area', async () => {
    const technician = await inPerson(h, await h.user('technician', acme.id))
    expect(code(await h.invoke(technician, 'list_roles', {}))).toBe('forbidden')
    const key = await h.key(await h.user('partner_admin'), ['ai:read'])
    expect(code(await h.invoke(await h.caller(key, 'rest'), 'list_roles', {}))).toBe('insufficient_scope')
  })
})

describe('create_user', () => {
  it('makes a technician of one organization with a one-time password', async () => {
    const made = done(
      await h.invoke(operator, 'create_user', { email: 'tess@acme.test', role: 'Technician', organizations: 'Acme' }),
    )
    expect(made).toMatchObject({
      email: 'tess@acme.test',
      roles: 'Technician at Acme',
      password: expect.stringMatching(/^.{20}$/),
    })
    const [row] = await h.sql<{ password_hash: string; organization_id: string }>(
      'select password_hash, organization_id from users where id = $1',
      [made['id']],
    )
    expect(row?.organization_id).toBe(acme.id)
    expect(await verify(row?.password_hash ?? '', made['password'])).toBe(true)
    const dump = JSON.stringify(await h.sql('select body, payload from audit_entries'))
    expect(dump).not.toContain(made['password'])
  })

  it('makes a partner technician, a person over two organizations and a service user', async () => {
    const partner = done(await h.invoke(operator, 'create_user', { email: 'pat@msp.test', role: 'partner_technician' }))
    expect((await inPerson(h, partner['id'])).partner).not.toBeNull()
    const two = done(
      await h.invoke(operator, 'create_user', {
        email: 'two@msp.test',
        role: 'technician',
        organizations: ['Acme', globex.id],
      }),
    )
    expect([...(await inPerson(h, two['id'])).organizations.keys()].sort()).toEqual([acme.id, globex.id].sort())
    const service = done(
      await h.invoke(operator, 'create_user', {
        kind: 'service',
        name: 'Backups',
        role: 'viewer',
        organizations: ['Acme'],
      }),
    )
    expect(service).not.toHaveProperty('password')
    const list = done(await h.invoke(operator, 'list_users', { kind: 'service' }))
    expect(list['users']).toMatchObject([
      { name: 'Backups', email: null, owner: { id: operator.user.id }, roles: [{ role: 'viewer' }] },
    ])
  })

  it('limits somebody to sites', async () => {
    const made = done(
      await h.invoke(operator, 'create_user', {
        email: 'site@acme.test',
        role: 'technician',
        organizations: 'Acme',
        sites: 'Main Office',
      }),
    )
    expect((await inPerson(h, made['id'])).organizations.get(acme.id)?.grants).toMatchObject([{ sites: [acme.siteId] }])
  })

  it('refuses what makes no sense', async () => {
    const bad = [
      { email: 'nobody', role: 'viewer', organizations: 'Acme' },
      { role: 'viewer', organizations: 'Acme' },
      { email: 'a@b.test', role: 'emperor' },
      { email: 'a@b.test', role: 'viewer' },
      { email: 'a@b.test', role: 'partner_viewer', organizations: 'Acme' },
      { email: 'a@b.test', role: 'technician', organizations: ['Acme', 'Globex'], sites: 'Main Office' },
      { kind: 'service', role: 'viewer', organizations: 'Acme' },
      { email: 'a@b.test', owner: 'tess@acme.test', role: 'viewer', organizations: 'Acme' },
    ]
    for (const input of bad)
      expect([input, code(await h.invoke(operator, 'create_user', input))]).toEqual([input, 'invalid_input'])
    expect(
      code(await h.invoke(operator, 'create_user', { email: 'TESS@acme.test', role: 'viewer', organizations: 'Acme' })),
    ).toBe('conflict')
  })

  it('lets an organization admin make people of that organization, up to their own rights', async () => {
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    expect(
      code(
        await h.invoke(admin, 'create_user', {
          email: 'new@acme.test',
          role: 'organization_admin',
          organizations: 'Acme',
        }),
      ),
    ).toBe('done')
    expect(
      code(await h.invoke(admin, 'create_user', { email: 'x@acme.test', role: 'viewer', organizations: 'Globex' })),
    ).toBe('not_found')
    expect(code(await h.invoke(admin, 'create_user', { email: 'x@acme.test', role: 'partner_admin' }))).toBe(
      'forbidden',
    )
    expect(
      code(
        await h.invoke(admin, 'create_user', {
          email: 'x@acme.test',
          role: 'viewer',
          organizations: 'Acme',
          belongs_to: 'partner',
        }),
      ),
    ).toBe('forbidden')
  })

  it('refuses a role without the right, and a key that gives away more than its scopes', async () => {
    const technician = await inPerson(h, await h.user('technician', acme.id))
    expect(
      code(await h.invoke(technician, 'create_user', { email: 'x@acme.test', role: 'viewer', organizations: 'Acme' })),
    ).toBe('forbidden')
    const key = await h.caller(await h.key(await h.user('partner_admin'), ['administration.write', 'ai:read']), 'rest')
    const refused = denial(
      await h.invoke(key, 'create_user', { email: 'x@acme.test', role: 'technician', organizations: 'Acme' }),
    )
    expect(refused).toMatchObject({ code: 'insufficient_scope', required_scope: 'ai:execute' })
    expect(
      code(await h.invoke(key, 'create_user', { email: 'seen@acme.test', role: 'viewer', organizations: 'Acme' })),
    ).toBe('done')
  })

  it("refuses a role with more permissions than the giver's", async () => {
    await h.sql(
      `insert into roles values ('auditor', 'Auditor', 'organization', false, '{devices.read,organizations.write}')`,
    )
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    const input = { email: 'audit@acme.test', role: 'Auditor', organizations: 'Acme' }
    expect(denial(await h.invoke(admin, 'create_user', input))).toMatchObject({
      code: 'forbidden',
      reason: 'The role Auditor includes more than you hold yourself there.',
    })
    const made = done(await h.invoke(operator, 'create_user', input))
    expect(code(await h.invoke(admin, 'update_user', { action: 'reset_password', user: made['id'] }))).toBe('forbidden')
    expect(code(await h.invoke(admin, 'update_user', { action: 'disable', user: made['id'] }))).toBe('forbidden')
  })

  it('gives a key no password, neither of a new person nor of anybody else', async () => {
    const key = await h.caller(
      await h.key(await h.user('partner_admin'), ['administration.write', 'ai:execute']),
      'rest',
    )
    const made = done(
      await h.invoke(key, 'create_user', { email: 'keymade@acme.test', role: 'viewer', organizations: 'Acme' }),
    )
    expect(made).not.toHaveProperty('password')
    const input = { action: 'reset_password', user: made['id'] }
    expect(code(await h.invoke(key, 'update_user', input))).toBe('forbidden')
    expect(done(await h.invoke(operator, 'update_user', input))['password']).toHaveLength(20)
  })
})

describe('update_user', () => {
  it('disables: keys of the user and of their services stop with the next call', async () => {
    const user = await h.user('technician', acme.id)
    const key = await h.key(user, ['ai:read'])
    await h.caller(key)
    const cut: string[] = []
    const forget = h.server.authenticator.onRevoked((id) => cut.push(id))
    expect(done(await h.invoke(operator, 'update_user', { action: 'disable', user }))).toMatchObject({ disabled: true })
    forget()
    expect(cut).toEqual([key.id])
    await expect(h.caller(key)).rejects.toThrow('does not open')
    expect(done(await h.invoke(operator, 'update_user', { action: 'enable', user }))).toMatchObject({ disabled: false })
    await h.caller(key)
  })

  it('lowers a role: the next call is narrower', async () => {
    const user = await h.user('technician', acme.id)
    const key = await h.key(user, ['ai:execute', 'administration.write'], { organizations: [acme.id] })
    const before = await h.caller(key, 'rest')
    expect(before.organizations.get(acme.id)?.grants[0]?.permissions.has('devices.execute')).toBe(true)
    done(
      await h.invoke(operator, 'update_user', {
        action: 'set_roles',
        user,
        roles: [{ role: 'viewer', organizations: 'Acme' }],
      }),
    )
    const after = await h.caller(key, 'rest')
    expect(after.organizations.get(acme.id)?.grants[0]?.permissions.has('devices.execute')).toBe(false)
    expect(code(await h.invoke(after, 'create_api_key', { name: 'x', scopes: ['ai:read'] }))).toBe('forbidden')
  })

  it('never changes the rights of who asks, whatever they hold', async () => {
    for (const action of ['disable', 'enable', 'set_roles'] as const) {
      const input = {
        action,
        user: operator.user.id,
        ...(action === 'set_roles' && { roles: [{ role: 'viewer', organizations: 'Acme' }] }),
      }
      expect(code(await h.invoke(operator, 'update_user', input))).toBe('blocked')
    }
    const reset = done(await h.invoke(operator, 'update_user', { action: 'reset_password', user: operator.user.id }))
    expect(reset['password']).toHaveLength(20)
  })

  it("keeps an organization's own person inside it", async () => {
    const user = await h.user('technician', acme.id)
    expect(
      code(
        await h.invoke(operator, 'update_user', {
          action: 'set_roles',
          user,
          roles: [{ role: 'viewer', organizations: 'Globex' }],
        }),
      ),
    ).toBe('forbidden')
  })

  it("does not find another organization's people", async () => {
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    const foreign = await h.user('viewer', globex.id)
    const answer = denial(await h.invoke(admin, 'update_user', { action: 'disable', user: foreign }))
    expect(answer).toMatchObject({ code: 'not_found', reason: `No user "${foreign}" is visible to you.` })
    expect(code(await h.invoke(admin, 'update_user', { action: 'disable', user: operator.user.id }))).toBe('not_found')
  })

  it('asks which one, when a name means several', async () => {
    for (const email of ['sam1@acme.test', 'sam2@acme.test']) {
      done(await h.invoke(operator, 'create_user', { email, name: 'Sam', role: 'viewer', organizations: 'Acme' }))
    }
    const refused = denial(await h.invoke(operator, 'update_user', { action: 'disable', user: 'sam' }))
    expect(refused).toMatchObject({ code: 'ambiguous', candidates: [{ name: 'Sam' }, { name: 'Sam' }] })
    expect(code(await h.invoke(operator, 'update_user', { action: 'disable', user: 'SAM1@acme.test' }))).toBe('done')
  })
})

describe('list_users', () => {
  it('shows an organization admin only that organization', async () => {
    const admin = await inPerson(h, await h.user('organization_admin', globex.id))
    const list = done(await h.invoke(admin, 'list_users', { limit: 200 }))
    const organizations = list['users'].flatMap((user: { roles: { organization: { id: string } | null }[] }) =>
      user.roles.map((role) => role.organization?.id),
    )
    expect(new Set(organizations)).toEqual(new Set([globex.id]))
    expect(code(await h.invoke(admin, 'list_users', { organization: 'Acme' }))).toBe('not_found')
    expect(code(await h.invoke(await inPerson(h, await h.user('viewer', globex.id)), 'list_users', {}))).toBe(
      'forbidden',
    )
  })
})
