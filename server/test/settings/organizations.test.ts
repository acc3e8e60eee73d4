import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done } from './answers.ts'

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

const keyOf = async (role: string, organization: string | null, scopes: string[], sites?: string[]) =>
  h.caller(await h.key(await h.user(role, organization, sites), scopes), 'rest')

describe('create_organization', () => {
  it('makes one, and its maker sees it with the next call', async () => {
    const made = done(await h.invoke(operator, 'create_organization', { name: ' Initech ' }))
    expect(made).toMatchObject({ name: 'Initech', id: expect.any(String), audit_entry: expect.any(String) })
    const list = done(await h.invoke(await h.operator(), 'list_organizations', { text: 'initech' }))
    expect(list['organizations']).toMatchObject([
      { id: made['id'], kind: 'customer', sites: 0, assistants_enabled: true },
    ])
  })

  it('refuses a name that is taken, whatever its case', async () => {
    expect(code(await h.invoke(operator, 'create_organization', { name: 'ACME' }))).toBe('conflict')
  })

  it('refuses empty, long and invisible names', async () => {
    for (const name of ['', '  ', 'x'.repeat(201), 'a\u0000b', 'a\u202eb']) {
      expect(code(await h.invoke(operator, 'create_organization', { name }))).toBe('invalid_input')
    }
  })

  it('refuses a key without the scope, a role without the right and a key limited to organizations', async () => {
    const reader = await keyOf('partner_admin', null, ['ai:execute'])
    expect(denial(await h.invoke(reader, 'create_organization', { name: 'X' }))).toMatchObject({
      code: 'insufficient_scope',
      required_scope: 'administration.write',
    })
    const technician = await keyOf('partner_technician', null, ['administration.write'])
    expect(code(await h.invoke(technician, 'create_organization', { name: 'X' }))).toBe('forbidden')
    const admin = await h.user('partner_admin')
    const limited = await h.caller(await h.key(admin, ['administration.write'], { organizations: [acme.id] }), 'rest')
    expect(code(await h.invoke(limited, 'create_organization', { name: 'X' }))).toBe('forbidden')
  })

  it('is not on MCP', async () => {
    expect(code(await h.invoke({ ...operator, channel: 'mcp' }, 'create_organization', { name: 'X' }))).toBe(
      'unknown_tool',
    )
  })
})

describe('list_organizations and list_sites', () => {
  it('show only what the caller reaches', async () => {
    const viewer = await keyOf('viewer', acme.id, ['administration.read'])
    const list = done(await h.invoke(viewer, 'list_organizations', {}))
    expect(list).toMatchObject({ total: 1, organizations: [{ id: acme.id }] })
    const sites = done(await h.invoke(viewer, 'list_sites', {}))
    expect(sites).toMatchObject({ total: 1, sites: [{ id: acme.siteId, organization: { id: acme.id, name: 'Acme' } }] })
  })

  it('show a technician of one site only that site', async () => {
    const second = await h.site(acme.id, 'Warehouse')
    const limited = await keyOf('technician', acme.id, ['administration.read'], [second])
    expect(done(await h.invoke(limited, 'list_sites', {}))).toMatchObject({ total: 1, sites: [{ id: second }] })
    expect(code(await h.invoke(limited, 'list_sites', { organization: 'Globex' }))).toBe('not_found')
  })

  it("answer for another organization's name as for one that does not exist", async () => {
    const viewer = await keyOf('viewer', acme.id, ['administration.read'])
    const foreign = denial(await h.invoke(viewer, 'list_sites', { organization: globex.id }))
    const absent = denial(
      await h.invoke(viewer, 'list_sites', { organization: '018f0000-0000-7000-8000-000000000000' }),
    )
    expect(foreign.reason.replace(globex.id, '*')).toBe(absent.reason.replace(/018f[\w-]+/, '*'))
    expect({ ...foreign, reason: '' }).toEqual({ ...absent, reason: '' })
  })

  it('page through everything once, and refuse a cursor of another list', async () => {
    for (let n = 0; n < 5; n++) await h.organization(`Paged ${n}`)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = done(
        await h.invoke(await h.operator(), 'list_organizations', {
          text: 'Paged',
          limit: 2,
          ...(cursor && { cursor }),
        }),
      )
      expect(page['total']).toBe(5)
      seen.push(...page['organizations'].map((item: { name: string }) => item.name))
      cursor = page['next_cursor']
    } while (cursor)
    expect(seen).toEqual(['Paged 0', 'Paged 1', 'Paged 2', 'Paged 3', 'Paged 4'])
    const first = done(await h.invoke(await h.operator(), 'list_organizations', { limit: 1 }))
    for (const junk of [first['next_cursor'], 'junk', Buffer.from('[1]').toString('base64url')]) {
      expect(code(await h.invoke(operator, 'list_sites', { cursor: junk }))).toBe('invalid_input')
    }
    expect(code(await h.invoke(operator, 'list_organizations', { limit: 201 }))).toBe('invalid_input')
  })
})

describe('create_site', () => {
  it('makes one in an organization named by name', async () => {
    const made = done(await h.invoke(operator, 'create_site', { name: 'Lab', organization: 'acme' }))
    expect(made).toMatchObject({ name: 'Lab', organization: { id: acme.id, name: 'Acme' } })
    expect(code(await h.invoke(operator, 'create_site', { name: 'lab', organization: acme.id }))).toBe('conflict')
  })

  it('refuses an organization that is not visible', async () => {
    expect(code(await h.invoke(operator, 'create_site', { name: 'Lab', organization: 'Nowhere' }))).toBe('not_found')
  })
})

describe('update_organization', () => {
  it('switches assistants off: its keys lose it with their next call', async () => {
    const key = await h.key(await h.user('viewer', globex.id), ['administration.read'])
    expect(done(await h.invoke(await h.caller(key, 'rest'), 'list_organizations', {}))['total']).toBe(1)
    const now = done(
      await h.invoke(operator, 'update_organization', {
        organization: 'Globex',
        assistants_enabled: false,
        approval_limit: 5,
      }),
    )
    expect(now).toMatchObject({ name: 'Globex', assistants_enabled: false, approval_limit: 5 })
    expect(code(await h.invoke(await h.caller(key, 'rest'), 'list_organizations', {}))).toBe('forbidden')
    done(
      await h.invoke(await h.operator(), 'update_organization', { organization: 'Globex', assistants_enabled: true }),
    )
  })

  it('refuses a name that is taken, and a key that would raise the limit', async () => {
    expect(code(await h.invoke(operator, 'update_organization', { organization: 'Globex', name: 'Acme' }))).toBe(
      'conflict',
    )
    const key = await keyOf('partner_admin', null, ['administration.write'])
    expect(code(await h.invoke(key, 'update_organization', { organization: 'Globex', approval_limit: 10_000 }))).toBe(
      'forbidden',
    )
    expect(code(await h.invoke(key, 'update_organization', { organization: 'Globex', approval_limit: 3 }))).toBe('done')
  })

  it('is audited for the organization it changed', async () => {
    const rows = await h.sql<{ kind: string }>(
      `select kind from audit_entries where tool = 'update_organization' and organization_id = $1 and decision = 'allowed'`,
      [globex.id],
    )
    expect(rows.map((row) => row.kind)).toContain('intent')
  })
})
