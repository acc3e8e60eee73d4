/** What an operator relies on: the switch, the limits, and that nothing piles up. */
import { afterEach, describe, expect, test } from 'vitest'
import { Clients } from '../../src/oauth/clients.ts'
import { Documents } from '../../src/oauth/documents.ts'
import { sweepExpired } from '../../src/oauth/sweep.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness } from '../harness.ts'
import { authorized, CALLBACK, RawClient, register, signedIn, statusWith } from './assistant.ts'

let world: Harness
afterEach(() => world.stop())

const technician = async () => world.user('technician', (await world.organization('Acme')).id)

describe('the authorization server', () => {
  test('switched off is not there, and its tokens open nothing; keys still do', async () => {
    world = await boot()
    const user = await technician()
    const { tokens } = await authorized(world, await signedIn(world, user))
    const key = await world.key(user, ['ai:read'])
    expect(await statusWith(world.server.url, tokens.access_token)).toBe(200)
    await world.stop({ keep: true })
    world = await boot({ previous: world, env: { MCP_OAUTH_ENABLED: 'false' } })
    const { url } = world.server
    expect(await statusWith(url, tokens.access_token)).toBe(401)
    expect(await statusWith(url, key.key)).toBe(200)
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-protected-resource',
      '/oauth/authorize',
    ])
      expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 404])
    const refused = await fetch(`${url}/api/v1/mcp`, { method: 'POST', body: '{}' })
    expect(refused.headers.get('www-authenticate')).not.toContain('resource_metadata')
  })

  test('bounds what one address may ask', async () => {
    world = await boot({ env: { MCP_OAUTH_RATE_LIMIT_PER_MINUTE: '12' } })
    const { url } = world.server
    const answers = []
    for (let index = 0; index < 4; index += 1) answers.push(await register(url, { redirect_uris: [CALLBACK] }))
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 429, 429])
    expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0)
    const client = RawClient.as(url, 'nobody')
    const refreshes = []
    for (let index = 0; index < 14; index += 1) refreshes.push((await client.refresh('brzr_x')).status)
    expect(refreshes.slice(-2)).toEqual([429, 429])
    // Each may make this server read a document somewhere.
    const opened = []
    for (let index = 0; index < 14; index += 1) opened.push((await fetch(client.authorizationUrl())).status)
    expect([opened[0], ...opened.slice(-2)]).toEqual([400, 429, 429])
  })

  test('ends a grant at its own end, however often it is refreshed', async () => {
    world = await boot()
    const { client, tokens } = await authorized(world, await signedIn(world, await technician()))
    await world.sql(`update oauth_grants set expires_at = now()`)
    expect(await statusWith(world.server.url, tokens.access_token)).toBe(401)
    expect((await client.refresh(tokens.refresh_token)).status).toBe(400)
  })

  test('forgets programs that nobody let in and rows that open nothing, and keeps the rest', async () => {
    world = await boot()
    const used = await authorized(world, await signedIn(world, await technician()))
    const unused = await RawClient.register(world.server.url)
    const fresh = await RawClient.register(world.server.url)
    await world.sql(`update oauth_clients set created_at = now() - interval '8 days' where id <> $1`, [fresh.clientId])
    const { db } = world.server
    const documents = new Documents({ now: () => new Date() })
    await new Clients({ db, environment: systemEnvironment, documents }).sweep()
    const left = await world.sql<{ id: string }>('select id from oauth_clients')
    expect(left.map((row) => row.id).sort()).toEqual([used.client.clientId, fresh.clientId].sort())
    expect(left.map((row) => row.id)).not.toContain(unused.clientId)
    await world.sql(`update oauth_store set expires_at = now() - interval '1 second' where model <> 'RefreshToken'`)
    await sweepExpired(db, new Date())
    expect(await world.sql('select distinct model from oauth_store')).toEqual([{ model: 'RefreshToken' }])
    expect((await used.client.refresh(used.tokens.refresh_token)).status).toBe(200)
  })
})
