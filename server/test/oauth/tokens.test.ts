/** Codes and tokens: once each, in the right hands, and worth what the grant is worth now. Races run on real PostgreSQL. */
import { request } from 'node:http'
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

/** The newest of this kind in the audit, for this program. */
async function lastEntry(action: string, { clientId }: RawClient): Promise<Record<string, unknown>> {
  const [entry] = await world.sql<{ body: string }>(
    `select body from audit_entries where body::jsonb->>'action' = $1 and body::jsonb->'details'->>'client' = $2
     order by seq desc limit 1`,
    [action, clientId],
  )
  return JSON.parse(entry?.body ?? '{}')
}

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
    await world.sql(`update oauth_replay set expires_at = expires_at - interval '31 seconds'`)
    expect(await errorOf(await client.refresh(tokens.refresh_token))).toBe('invalid_grant')
    expect(await statusWith(url, next.access_token)).toBe(401)
    expect(await errorOf(await client.refresh(next.refresh_token))).toBe('invalid_grant')
    expect(await lastEntry('token_reuse', client)).toMatchObject({
      reason: expect.stringContaining('used twice'),
      details: { client: client.clientId, because: 'reuse' },
    })
  })

  test('of two generations ago is nobody’s retry: it ends the family, however soon it comes', async () => {
    const { client, tokens: first } = await authorized(world, browser)
    const second = await tokensOf(await client.refresh(first.refresh_token))
    const third = await tokensOf(await client.refresh(second.refresh_token))
    // Of one generation ago: a retry.
    expect((await tokensOf(await client.refresh(second.refresh_token))).refresh_token).toBe(third.refresh_token)
    expect(await errorOf(await client.refresh(first.refresh_token))).toBe('invalid_grant')
    for (const { access_token } of [first, second, third]) expect(await statusWith(url, access_token)).toBe(401)
    expect(await errorOf(await client.refresh(third.refresh_token))).toBe('invalid_grant')
    expect(await lastEntry('token_reuse', client)).toMatchObject({ details: { client: client.clientId } })
  })

  test('that nobody used for long is over, and its grant is not', async () => {
    const { client, tokens } = await authorized(world, browser)
    await world.sql(`update oauth_store set expires_at = now() where model = 'RefreshToken' and client_id = $1`, [
      client.clientId,
    ])
    expect(await errorOf(await client.refresh(tokens.refresh_token))).toBe('invalid_grant')
    expect(await statusWith(url, tokens.access_token)).toBe(200)
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
    expect(await statusWith(url, await newCode(await RawClient.register(url)))).toBe(401)
    const asKey = await fetch(`${url}/api/v1/mcp?access_token=${tokens.access_token}`, { method: 'POST', body: '{}' })
    expect(asKey.status).toBe(401)
  })

  test('is read in one way only: as RFC 6750 writes it', async () => {
    const { tokens } = await authorized(world, browser)
    const { access_token: token } = tokens
    const ask = async (...headers: [string, string][]) => {
      // `fetch` would join two headers into one.
      const { status } = await rawRequest(`${url}/api/v1/tools`, headers)
      return status
    }
    expect(await ask(['authorization', `Bearer ${token}`])).toBe(200)
    expect(await ask(['authorization', `bearer ${token}`])).toBe(200)
    for (const bad of [`Bearer  ${token}`, `Bearer ${token} x`, `Basic ${token}`, token, `Bearer ${token},${token}`])
      expect([bad.replace(token, '…'), await ask(['authorization', bad])]).toEqual([bad.replace(token, '…'), 401])
    expect(await ask(['authorization', `Bearer brzo_${'a'.repeat(10_000)}`])).toBe(401)
    const twice = await ask(['authorization', 'Bearer brzo_nothing'], ['authorization', `Bearer ${token}`])
    expect([400, 401]).toContain(twice)
  })

  test('ends with the organization of its user, and with the roles that it leans on', async () => {
    const other = await world.user('technician', organization.id)
    const { tokens } = await authorized(world, await signedIn(world, other))
    await world.sql('update organizations set suspended_at = now() where id = $1', [organization.id])
    expect(await statusWith(url, tokens.access_token)).toBe(401)
    await world.sql('update organizations set suspended_at = null where id = $1', [organization.id])
    expect(await statusWith(url, tokens.access_token)).toBe(200)
    await world.sql('delete from role_assignments where user_id = $1', [other])
    const left = await fetch(`${url}/api/v1/tools/list_devices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(left.status).toBe(403)
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
    expect((await other.client.revoke(other.tokens.refresh_token)).status).toBe(200)
    expect(await statusWith(url, other.tokens.access_token)).toBe(401)
  })

  test('is in the audit, with whose grant it was and for what', async () => {
    const { client, tokens } = await authorized(world, browser)
    const [grant] = await world.sql<{ id: string }>('select id from oauth_grants where client_id = $1', [
      client.clientId,
    ])
    await client.revoke(tokens.access_token)
    expect(await lastEntry('revoke_token', client)).toMatchObject({
      kind: 'authentication',
      actor: { user_id: technician, name: `${technician}@example.test` },
      credential: { kind: 'oauth_grant', id: grant?.id, name: 'Raw' },
      details: { grant: grant?.id, client: client.clientId, because: 'client' },
    })
    const [row] = await world.sql('select revoked_reason from oauth_grants where id = $1', [grant?.id])
    expect(row).toEqual({ revoked_reason: 'client' })
  })
})

/** The status of a GET with exactly these headers. */
function rawRequest(address: string, headers: readonly [string, string][]): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const asked = request(address, { headers: ['host', new URL(address).host, ...headers.flat()] }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0 })
    })
    asked.on('error', reject)
    asked.end()
  })
}
