/** Codes and tokens: once each, in the right hands, and worth what the grant is worth now. Races run on real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import type { TestBrowser } from '../console/browser.ts'
import { agree, authorized, RawClient, signedIn, statusWith, tokensOf, type Tokens } from './assistant.ts'

let world: Harness
let organization: Organization
let technician: string
let browser: TestBrowser
let url: string
beforeAll(async () => {
  // Many refused tokens come from here: each from an address of its own, as from many assistants.
  world = await boot({ env: { BREEZE_TRUSTED_PROXIES: '127.0.0.1' } })
  url = world.server.url
  organization = await world.organization('Acme')
  technician = await world.user('technician', organization.id)
  browser = await signedIn(world, technician)
})
afterAll(() => world.stop())

const newCode = async (client: RawClient, scope = 'ai:read'): Promise<string> =>
  (await agree(browser, client.authorizationUrl({ scope }))).searchParams.get('code') ?? ''
const errorOf = async (response: Response): Promise<unknown> => {
  const body = (await response.json()) as Record<string, unknown>
  return body['error']
}
const times = async <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

describe('a code', () => {
  test('comes back with issuer and state, and gives tokens that nobody may store', async () => {
    const { tokens, back, client } = await authorized(world, browser)
    expect(back.searchParams.get('iss')).toBe(url)
    expect(back.searchParams.get('state')).toBe('xyz')
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'ai:read', expires_in: 900 })
    const again = await client.refresh(tokens.refresh_token)
    expect(again.headers.get('cache-control')).toBe('no-store')
  })

  test('is refused with the wrong verifier, without one, for another address and for another program', async () => {
    const client = await RawClient.register(url)
    const other = await RawClient.register(url)
    const code = await newCode(client)
    expect(await errorOf(await client.redeem(code, { code_verifier: 'b'.repeat(43) }))).toBe('invalid_grant')
    expect(await errorOf(await client.redeem(code, { code_verifier: '' }))).toBe('invalid_grant')
    expect(await errorOf(await client.redeem(code, { redirect_uri: 'http://127.0.0.1:1/callback' }))).toBe(
      'invalid_grant',
    )
    expect(await errorOf(await other.redeem(code))).toBe('invalid_grant')
    expect((await client.redeem(code)).status).toBe(200)
  })

  test('used twice ends what it gave', async () => {
    const client = await RawClient.register(url)
    const code = await newCode(client)
    const tokens = await tokensOf(await client.redeem(code))
    expect(await statusWith(url, tokens.access_token)).toBe(200)
    expect(await errorOf(await client.redeem(code))).toBe('invalid_grant')
    expect(await statusWith(url, tokens.access_token)).toBe(401)
    expect(await errorOf(await client.refresh(tokens.refresh_token))).toBe('invalid_grant')
  })

  test('redeemed by many at once leaves no living token', async () => {
    const client = await RawClient.register(url)
    for (let round = 0; round < 5; round += 1) {
      const code = await newCode(client)
      const answers = await times(8, () => client.redeem(code))
      const won = answers.filter((answer) => answer.status === 200)
      expect(won.length).toBeLessThanOrEqual(1)
      for (const answer of answers) if (answer.status !== 200) expect(await errorOf(answer)).toBe('invalid_grant')
      for (const answer of won) expect(await statusWith(url, ((await answer.json()) as Tokens).access_token)).toBe(401)
    }
  })

  test('ends after a minute', async () => {
    const client = await RawClient.register(url)
    const code = await newCode(client)
    await world.sql(`update oauth_store set payload = payload || jsonb_build_object('exp', extract(epoch from now())::int - 1)
      where model = 'AuthorizationCode'`)
    expect(await errorOf(await client.redeem(code))).toBe('invalid_grant')
  })
})

describe('a refresh token', () => {
  test('gives a new pair; the same one again within half a minute gives the same successor', async () => {
    const { client, tokens } = await authorized(world, browser)
    const answers = await times(6, async () => tokensOf(await client.refresh(tokens.refresh_token)))
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(1)
    const [next] = answers
    expect(await statusWith(url, next?.access_token ?? '')).toBe(200)
    expect((await client.refresh(next?.refresh_token ?? '')).status).toBe(200)
  })

  test('answers again only to its own program, and to nobody once the grant is revoked', async () => {
    const { client, tokens } = await authorized(world, browser)
    const other = await RawClient.register(url)
    const next = await tokensOf(await client.refresh(tokens.refresh_token))
    const stolen = await other.refresh(tokens.refresh_token)
    expect(stolen.status).not.toBe(200)
    await client.revoke(next.refresh_token)
    expect((await client.refresh(tokens.refresh_token)).status).not.toBe(200)
    expect(await statusWith(url, next.access_token)).toBe(401)
  })

  test('used again later ends the whole family, and the audit says so', async () => {
    const { client, tokens } = await authorized(world, browser)
    const next = await tokensOf(await client.refresh(tokens.refresh_token))
    await world.sql(
      `update oauth_store set consumed_at = consumed_at - interval '31 seconds' where consumed_at is not null`,
    )
    expect(await errorOf(await client.refresh(tokens.refresh_token))).toBe('invalid_grant')
    expect(await statusWith(url, next.access_token)).toBe(401)
    expect(await errorOf(await client.refresh(next.refresh_token))).toBe('invalid_grant')
    const [entry] = await world.sql<{ body: string }>(
      `select body from audit_entries where body::jsonb->>'action' = 'token_reuse' order by seq desc limit 1`,
    )
    expect(entry?.body).toContain('used twice')
  })

  test('can not widen its scopes, go to another program or ask for a foreign resource', async () => {
    const { client, tokens } = await authorized(world, browser)
    const other = await RawClient.register(url)
    expect(await errorOf(await client.refresh(tokens.refresh_token, { scope: 'ai:write' }))).toBe('invalid_scope')
    expect(await errorOf(await other.refresh(tokens.refresh_token))).toBe('invalid_grant')
    const foreign = await authorized(world, browser)
    expect(
      await errorOf(
        await foreign.client.refresh(foreign.tokens.refresh_token, { resource: 'https://evil.example/mcp' }),
      ),
    ).toBe('invalid_target')
  })

  test('in flight while its grant is revoked brings nothing back to life', async () => {
    for (let round = 0; round < 25; round += 1) {
      const { client, tokens } = await authorized(world, browser)
      const [refreshed] = await Promise.all([client.refresh(tokens.refresh_token), client.revoke(tokens.access_token)])
      if (refreshed.status === 200) {
        const next = (await refreshed.json()) as Tokens
        expect(await statusWith(url, next.access_token)).toBe(401)
        expect((await client.refresh(next.refresh_token)).status).toBe(400)
      }
      expect(await statusWith(url, tokens.access_token)).toBe(401)
    }
  }, 120_000)
})

describe('an access token', () => {
  test('opens nothing as another kind of credential, and nothing else opens as one', async () => {
    const { tokens } = await authorized(world, browser)
    const key = await world.key(technician, ['ai:read'], { organizations: [organization.id] })
    expect(await statusWith(url, tokens.refresh_token)).toBe(401)
    expect(await statusWith(url, key.key.replace('brz_', 'brzo_'))).toBe(401)
    expect(await statusWith(url, tokens.access_token.replace('brzo_', 'brz_'))).toBe(401)
    const asKey = await fetch(`${url}/api/v1/mcp?access_token=${tokens.access_token}`, { method: 'POST', body: '{}' })
    expect(asKey.status).toBe(401)
  })

  test('is worth what its user may do now', async () => {
    const other = await world.user('technician', organization.id)
    const { tokens } = await authorized(world, await signedIn(world, other))
    expect(await statusWith(url, tokens.access_token)).toBe(200)
    await world.sql('update users set disabled_at = now() where id = $1', [other])
    expect(await statusWith(url, tokens.access_token)).toBe(401)
  })

  test('ends with its program when that is blocked', async () => {
    const { tokens, client } = await authorized(world, browser)
    await world.sql('update oauth_clients set blocked_at = now() where id = $1', [client.clientId])
    expect(await statusWith(url, tokens.access_token)).toBe(401)
    expect((await client.refresh(tokens.refresh_token)).status).toBe(401)
  })

  test('is nowhere in the database, nor is any other secret of the exchange', async () => {
    const client = await RawClient.register(url)
    const code = await newCode(client)
    const tokens = await tokensOf(await client.redeem(code))
    const next = await tokensOf(await client.refresh(tokens.refresh_token))
    const pending = await browser.visit(String(client.authorizationUrl()))
    const dump = JSON.stringify([
      ...(await world.sql('select * from oauth_store')),
      ...(await world.sql('select * from oauth_replay')),
      ...(await world.sql('select * from oauth_grants')),
      ...(await world.sql('select body, payload from audit_entries')),
    ])
    const uid = pending.location?.split('/').at(-1) ?? ''
    expect(uid.length).toBeGreaterThan(20)
    for (const secret of [code, uid, tokens.access_token, tokens.refresh_token, next.access_token, next.refresh_token])
      expect(dump).not.toContain(secret)
  })
})

describe('revocation', () => {
  test('ends the grant by either token, says 200 to what it does not know, and spares others', async () => {
    const mine = await authorized(world, browser)
    const other = await authorized(world, browser)
    expect((await mine.client.revoke('brzo_nothing')).status).toBe(200)
    expect((await mine.client.revoke(other.tokens.access_token)).status).toBe(200)
    expect(await statusWith(url, other.tokens.access_token)).toBe(200)
    expect((await mine.client.revoke(mine.tokens.access_token)).status).toBe(200)
    expect(await statusWith(url, mine.tokens.access_token)).toBe(401)
    expect(await errorOf(await mine.client.refresh(mine.tokens.refresh_token))).toBe('invalid_grant')
  })
})
