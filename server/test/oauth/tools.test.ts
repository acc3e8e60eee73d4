/** The tools over grants and programs: who sees, ends and blocks what. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done, inPerson } from '../settings/answers.ts'
import { authorized, RawClient, signedIn, statusWith } from './assistant.ts'

let world: Harness
let acme: Organization
let globex: Organization
let technician: string
let colleague: string
let stranger: string
let admin: Caller
let organizationAdmin: Caller
beforeAll(async () => {
  world = await boot()
  acme = await world.organization('Acme')
  globex = await world.organization('Globex')
  technician = await world.user('technician', acme.id)
  colleague = await world.user('technician', acme.id)
  stranger = await world.user('technician', globex.id)
  admin = await inPerson(world, await world.user('partner_admin'))
  organizationAdmin = await inPerson(world, await world.user('organization_admin', acme.id))
})
afterAll(() => world.stop())

const connect = async (user: string) => authorized(world, await signedIn(world, user))
const grantsOf = async (caller: Caller, input: object = {}): Promise<string[]> =>
  done(await world.invoke(caller, 'list_grants', input))['grants'].map(
    (grant: { user: { id: string } }) => grant.user.id,
  )
const idOf = async (user: string): Promise<string> =>
  done(await world.invoke(await inPerson(world, user), 'list_grants', {}))['grants'][0].id

describe('list_grants', () => {
  test('shows people their own, and administrators those of their organizations', async () => {
    for (const user of [technician, colleague, stranger]) await connect(user)
    expect(await grantsOf(await inPerson(world, technician))).toEqual([technician])
    expect((await grantsOf(organizationAdmin)).sort()).toEqual([technician, colleague].sort())
    expect((await grantsOf(admin)).sort()).toEqual([technician, colleague, stranger].sort())
    expect(await grantsOf(admin, { user: stranger })).toEqual([stranger])
    expect(await grantsOf(admin, { organization: 'Globex' })).toEqual([stranger])
    expect(await grantsOf(admin, { user: 'me' })).toEqual([])
    expect(code(await world.invoke(organizationAdmin, 'list_grants', { organization: globex.id }))).toBe('not_found')
    expect(
      code(await world.invoke(await inPerson(world, await world.user('viewer', acme.id)), 'list_grants', {})),
    ).toBe('forbidden')
  })

  test('pages, and says what a grant is', async () => {
    const first = done(await world.invoke(admin, 'list_grants', { limit: 2 }))
    expect(first['grants'][0]).toMatchObject({
      client: { name: 'Raw', verified: false, host: null, first_party: false },
      redirect_host: '127.0.0.1',
      scopes: ['ai:read'],
      state: 'active',
      active_sessions: 1,
    })
    const second = done(await world.invoke(admin, 'list_grants', { limit: 2, cursor: first['next_cursor'] }))
    expect(first['total']).toBe(3)
    expect(second['grants']).toHaveLength(1)
  })
})

describe('revoke_grant', () => {
  test('ends one at once, also for an administrator, and the next refresh fails', async () => {
    const { client, tokens } = await connect(technician)
    const grant = await idOf(technician)
    expect(await statusWith(world.server.url, tokens.access_token)).toBe(200)
    expect(done(await world.invoke(organizationAdmin, 'revoke_grant', { grant }))).toMatchObject({ revoked: 1 })
    expect(await statusWith(world.server.url, tokens.access_token)).toBe(401)
    expect((await client.refresh(tokens.refresh_token)).status).toBe(400)
    const [row] = await world.sql('select revoked_reason from oauth_grants where id = $1', [grant])
    expect(row).toEqual({ revoked_reason: 'administrator' })
    const over = done(await world.invoke(organizationAdmin, 'list_grants', { state: 'revoked' }))
    expect(over['grants']).toMatchObject([{ id: grant, active_sessions: 0 }])
  })

  test('does not know grants of others', async () => {
    await connect(stranger)
    const grant = await idOf(stranger)
    expect(code(await world.invoke(organizationAdmin, 'revoke_grant', { grant }))).toBe('not_found')
    expect(code(await world.invoke(await inPerson(world, technician), 'revoke_grant', { grant }))).toBe('not_found')
    expect(code(await world.invoke(organizationAdmin, 'revoke_grant', {}))).toBe('invalid_input')
    expect(code(await world.invoke(organizationAdmin, 'revoke_grant', { grant, user: 'me' }))).toBe('invalid_input')
  })

  test('ends all of a user, and spares those of others', async () => {
    const mine = [await connect(colleague), await connect(colleague)]
    const other = await connect(technician)
    await world.invoke(await inPerson(world, colleague), 'revoke_grant', { user: 'me' })
    for (const { tokens } of mine) expect(await statusWith(world.server.url, tokens.access_token)).toBe(401)
    expect(await statusWith(world.server.url, other.tokens.access_token)).toBe(200)
    expect(await grantsOf(await inPerson(world, colleague))).toEqual([])
    expect((await grantsOf(await inPerson(world, colleague), { state: 'revoked' })).length).toBeGreaterThan(1)
  })
})

test('revoke_grant ends all of a program, of whoever may be seen, and spares other programs', async () => {
  const shared = await connect(technician)
  const again = await authorized(world, await signedIn(world, stranger))
  await world.sql('update oauth_grants set client_id = $1, client_name = $2 where client_id = $3', [
    shared.client.clientId,
    'Shared',
    again.client.clientId,
  ])
  const other = await connect(technician)
  const own = done(await world.invoke(organizationAdmin, 'revoke_grant', { client: shared.client.clientId }))
  expect(own).toMatchObject({ revoked: 1 })
  expect(await statusWith(world.server.url, again.tokens.access_token)).toBe(200)
  expect(done(await world.invoke(admin, 'revoke_grant', { client: shared.client.clientId }))).toMatchObject({
    revoked: 1,
  })
  for (const { tokens } of [shared, again]) expect(await statusWith(world.server.url, tokens.access_token)).toBe(401)
  expect(await statusWith(world.server.url, other.tokens.access_token)).toBe(200)
})

describe('block_client', () => {
  test('is for people at the partner, ends what there is, and keeps the program out until it is unblocked', async () => {
    const { client, tokens } = await connect(technician)
    const input = { action: 'block', client: client.clientId, reason: 'leaked' }
    expect(code(await world.invoke(organizationAdmin, 'block_client', input))).toBe('forbidden')
    expect(done(await world.invoke(admin, 'block_client', input))).toMatchObject({ blocked: true, revoked: 1 })
    expect(await statusWith(world.server.url, tokens.access_token)).toBe(401)
    const browser = await signedIn(world, technician)
    expect((await browser.visit(String(client.authorizationUrl()))).status).toBe(400)
    const blocked = done(await world.invoke(admin, 'list_clients', { blocked: true }))
    expect(blocked['clients']).toMatchObject([{ id: client.clientId, grants: 0, block_reason: 'leaked' }])
    await world.invoke(admin, 'block_client', { action: 'unblock', client: client.clientId })
    expect(
      (await browser.visit(String(RawClient.as(world.server.url, client.clientId).authorizationUrl()))).status,
    ).toBe(303)
  })

  test('says so when nobody connected such a program', async () => {
    expect(code(await world.invoke(admin, 'block_client', { action: 'block', client: 'nobody' }))).toBe('not_found')
  })
})
