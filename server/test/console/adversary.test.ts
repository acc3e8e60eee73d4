/** What somebody tries who has no account, or the wrong one (reference: OWASP ASVS 4, V2 and V3). */
import { request } from 'node:http'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { done, inPerson } from '../settings/answers.ts'
import { TestBrowser } from './browser.ts'
import { from, PASSWORD, person, signedIn, withTotp } from './people.ts'

let harness: Harness
let acme: Organization
beforeAll(async () => {
  harness = await boot({ env: { BREEZE_TRUSTED_PROXIES: '127.0.0.1,::1' } })
  acme = await harness.organization('Acme')
})
afterAll(() => harness.stop())

const anybody = () => new TestBrowser(harness.server.url)
const technician = () => person(harness, 'technician', acme.id)
const attempt = (email: string, password: string, address: string) =>
  anybody().post('sign-in', { email, password }, from(address))

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

describe('whether an address is somebody’s', () => {
  test('takes no less time to refuse for nobody than for a person', async () => {
    const people = await Promise.all(Array.from({ length: 16 }, technician))
    const disabled = people[0]
    await harness.sql('update users set disabled_at = now() where id = $1', [disabled?.id])
    const [known, unknown]: [number[], number[]] = [[], []]
    // In turns, so that whatever else the machine does weighs on both.
    for (const [index, { email }] of people.entries()) {
      known.push(await timed(() => attempt(email, 'wrong password', `10.1.0.${index}`)))
      unknown.push(await timed(() => attempt(`nobody${index}@example.test`, 'wrong password', `10.1.1.${index}`)))
    }
    const [some, none] = [median(known), median(unknown)]
    // A hash costs many times more than all else: without the decoy, the factor is about four.
    expect(Math.max(some, none) / Math.min(some, none)).toBeLessThan(2)
  })

  test('is not told by a locked, disabled or suspended account either', async () => {
    const tess = await technician()
    await harness.sql('update users set disabled_at = now() where id = $1', [tess.id])
    const right = await attempt(tess.email, PASSWORD, '10.1.2.1')
    const nobody = await attempt('nobody@example.test', PASSWORD, '10.1.2.2')
    const bare = ({ json }: { json: Record<string, unknown> }) => ({ ...(json['error'] as object), reference: '' })
    expect([right.status, bare(right)]).toEqual([nobody.status, bare(nobody)])
  })

  test('is not told by asking for a new password', async () => {
    const tess = await technician()
    const [one, other] = [
      await anybody().post('resets', { email: tess.email }),
      await anybody().post('resets', { email: 'nobody@example.test' }),
    ]
    expect([one.status, one.json]).toEqual([other.status, other.json])
  })
})

describe('a flood of wrong passwords', () => {
  test('from many addresses keeps strangers out, and never the person where they were before', async () => {
    const tess = await technician()
    expect((await attempt(tess.email, PASSWORD, '192.0.2.7')).status).toBe(200)
    const answers = await Promise.all(
      Array.from({ length: 70 }, (_, index) => attempt(tess.email, 'wrong password', `198.51.100.${index}`)),
    )
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(50)
    expect((await attempt(tess.email, 'wrong password', '203.0.113.9')).status).toBe(429)
    expect((await attempt(tess.email, PASSWORD, '192.0.2.7')).status).toBe(200)
    // And somebody else is not touched by it.
    expect((await attempt((await technician()).email, PASSWORD, '203.0.113.9')).status).toBe(200)
  })

  test('of one address over many accounts ends soon', async () => {
    const answers = []
    for (let index = 0; index < 45; index++)
      answers.push((await attempt(`spray${index}@example.test`, 'Winter2026!', '198.51.101.1')).status)
    expect(answers.slice(-5)).toEqual([429, 429, 429, 429, 429])
  })
})

describe('fixation', () => {
  test('a cookie that an attacker planted is not the one that signs in', async () => {
    const tess = await technician()
    const mallory = await signedIn(harness, await technician())
    const planted = mallory.copy()
    await planted.post('sign-in', { email: tess.email, password: PASSWORD })
    expect((await mallory.get('session')).status).toBe(401)
    const made = new TestBrowser(harness.server.url)
    const answer = await made.post(
      'sign-in',
      { email: tess.email, password: PASSWORD },
      { cookie: `breeze_session=brzs_${'A'.repeat(43)}` },
    )
    expect(answer.headers.getSetCookie().join()).not.toContain('A'.repeat(43))
  })

  test('a half signed-in cookie becomes a new one with the code', async () => {
    const tess = await technician()
    const { app } = await withTotp(await signedIn(harness, tess))
    const half = anybody()
    await half.post('sign-in', { email: tess.email, password: PASSWORD })
    const before = half.cookies.get('breeze_session')
    await half.post('sign-in/code', { code: app.codeAt(0) })
    expect(half.cookies.get('breeze_session')).not.toBe(before)
  })
})

describe('another site', () => {
  const spellings: [string, Record<string, string>][] = [
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['plain text that is JSON', { 'content-type': 'text/plain; application/json' }],
    ['no type', { 'content-type': '' }],
    ['our header with another value', { 'x-breeze-console': 'true' }],
    ['a neighbouring site', { 'sec-fetch-site': 'same-site' }],
    ['an address that was typed', { 'sec-fetch-site': 'none' }],
    ['no origin', { origin: 'null' }],
    ['another server on this machine', { origin: 'http://localhost:1' }],
    ['a name like ours', { origin: 'http://127.0.0.1.evil.example' }],
  ]
  test.each(spellings)('as %s changes nothing', async (_, headers) => {
    const browser = await signedIn(harness, await technician())
    for (const [method, path] of [
      ['POST', 'sign-out'],
      ['POST', 'account/password'],
      ['POST', 'tools/list_devices'],
      ['DELETE', 'account/totp'],
    ] as const)
      expect((await browser.send(method, path, {}, headers)).status, path).toBe(403)
    expect((await browser.get('session')).status).toBe(200)
  })

  test('gets no leave to send our header or the cookie', async () => {
    const response = await fetch(`${harness.server.url}/api/console/sign-out`, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:1',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-breeze-console, content-type',
      },
    })
    expect(response.headers.get('access-control-allow-headers')).not.toContain('x-breeze-console')
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  })
})

test('a copy of the database opens nothing: no table holds a secret that works', async () => {
  const tess = await technician()
  const browser = await signedIn(harness, tess)
  const { recovery, secret: shared } = await withTotp(browser)
  const by = await inPerson(harness, await harness.user('partner_admin'))
  const invited = done(
    await harness.invoke(by, 'invite_user', { email: 'dump@acme.test', role: 'viewer', organizations: 'Acme' }),
  )
  const reset = done(await harness.invoke(by, 'create_reset_link', { user: tess.id }))
  const other = anybody()
  await other.post('sign-in/passkey/options')
  const tables = await harness.sql<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  )
  const rows = await Promise.all(tables.map(({ name }) => harness.sql(`select t::text as row from ${name} t`)))
  const dump = JSON.stringify(rows)
  const secrets = [
    PASSWORD,
    shared,
    ...recovery,
    ...recovery.map((code) => code.replace('-', '')),
    ...browser.cookies.values(),
    ...other.cookies.values(),
    String(invited['link']).split('/').at(-1) ?? '',
    String(reset['link']).split('/').at(-1) ?? '',
    harness.server.installation.setupToken ?? '',
  ]
  expect(dump.length).toBeGreaterThan(10_000)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8)
    expect(dump.includes(secret)).toBe(false)
  }
})

test('behind https, both cookies are bound to the host, to TLS and away from scripts', async () => {
  const port = await freePort()
  const secure = await boot({ env: { PORT: String(port), BREEZE_PUBLIC_URL: 'https://rmm.example.com' } })
  try {
    const tess = await person(secure, 'viewer')
    const signIn = await sendAs(secure.server.url, 'sign-in', { email: tess.email, password: PASSWORD })
    expect(signIn).toMatch(/^__Host-breeze_session=brzs_[\w-]{43}; /)
    const flow = await sendAs(secure.server.url, 'sign-in/passkey/options', {})
    expect(flow).toMatch(/^__Host-breeze_flow=brzf_[\w-]{43}; /)
    for (const cookie of [signIn, flow]) {
      for (const attribute of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']) expect(cookie).toContain(attribute)
      expect(cookie).not.toMatch(/domain/i)
    }
  } finally {
    await secure.stop()
  }
})

/** Under the name of the public URL, as a proxy passes it on. Answers the cookie. */
function sendAs(url: string, path: string, body: unknown): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        path: `/api/console/${path}`,
        method: 'POST',
        headers: {
          host: 'rmm.example.com',
          origin: 'https://rmm.example.com',
          'content-type': 'application/json',
          'x-breeze-console': '1',
        },
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.headers['set-cookie']?.[0] ?? ''))
      },
    )
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
