import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { TestBrowser } from './browser.ts'

const PASSWORD = 'correct horse battery staple'
let harness: Harness
let organization: Organization
let email: string
let userId: string
beforeAll(async () => {
  harness = await boot()
  organization = await harness.organization('Acme')
  userId = await harness.user('technician', organization.id)
  email = `${userId}@example.test`
  await harness.sql('update users set password_hash = $2 where id = $1', [userId, await hash(PASSWORD)])
})
afterAll(() => harness.stop())

const browser = () => new TestBrowser(harness.server.url)
const signedIn = async () => {
  const it = browser()
  expect(await it.post('sign-in', { email: email.toUpperCase(), password: PASSWORD })).toMatchObject({ status: 200 })
  return it
}

describe('signing in', () => {
  test('opens the tools of the console with the rights of the person', async () => {
    const it = await signedIn()
    const session = await it.get('session')
    expect(session.json).toMatchObject({ user: { id: userId, email }, partner: null, admin: false, mcp_write: true })
    const devices = await it.post('tools/list_devices', {})
    expect(devices).toMatchObject({ status: 200, json: { devices: [], total: 0 } })
    expect((await it.post('tools/list_users', {})).status).toBe(403)
    const [entry] = await harness.sql<{ body: string }>(
      `select body from audit_entries where body::jsonb->>'kind' = 'authentication' order by seq desc limit 1`,
    )
    expect(entry?.body).toContain('"decision":"allowed"')
  })

  test('says the same of a wrong password and of an address that nobody has', async () => {
    const wrong = await browser().post('sign-in', { email, password: 'wrong' })
    const nobody = await browser().post('sign-in', { email: 'nobody@example.test', password: 'wrong' })
    expect(wrong.status).toBe(401)
    expect({ ...wrong.json, error: { ...(wrong.json['error'] as object), reference: '' } }).toEqual({
      ...nobody.json,
      error: { ...(nobody.json['error'] as object), reference: '' },
    })
  })

  test('gives a new cookie each time, and the one of before is worthless', async () => {
    const it = await signedIn()
    const before = it.copy()
    await it.post('sign-in', { email, password: PASSWORD })
    expect((await before.get('session')).status).toBe(401)
    expect((await it.get('session')).status).toBe(200)
  })

  test('holds up who tries on and on, and nobody else', async () => {
    const other = await harness.user('viewer', organization.id)
    const tries = await Promise.all(
      Array.from({ length: 12 }, () => browser().post('sign-in', { email: `${other}@example.test`, password: 'x' })),
    )
    expect(tries.some(({ status }) => status === 429)).toBe(true)
    const last = await browser().post('sign-in', { email: `${other}@example.test`, password: 'x' })
    expect(last.status).toBe(429)
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
    await signedIn()
  })

  test('the cookie is not for scripts, and not for other sites', async () => {
    const response = await fetch(`${harness.server.url}/api/console/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-breeze-console': '1' },
      body: JSON.stringify({ email, password: PASSWORD }),
    })
    const [cookie] = response.headers.getSetCookie()
    expect(cookie).toMatch(/^breeze_session=brzs_[\w-]{43}; .*Path=\/; .*HttpOnly.*SameSite=Lax/i)
    const [stored] = await harness.sql<{ row: string }>('select row_to_json(s)::text as row from sessions s limit 1')
    expect(stored?.row).not.toContain(/brzs_[\w-]{43}/.exec(cookie ?? '')?.[0])
  })
})

describe('a session ends', () => {
  test('by signing out', async () => {
    const it = await signedIn()
    const thief = it.copy()
    await it.post('sign-out')
    expect((await thief.get('session')).status).toBe(401)
  })

  test('when the user is disabled or the organization suspended: at the next request', async () => {
    const it = await signedIn()
    await harness.sql('update users set disabled_at = now() where id = $1', [userId])
    expect((await it.post('tools/list_devices', {})).status).toBe(401)
    await harness.sql('update users set disabled_at = null where id = $1', [userId])
    await harness.sql('update organizations set suspended_at = now() where id = $1', [organization.id])
    expect((await it.get('session')).status).toBe(401)
    await harness.sql('update organizations set suspended_at = null where id = $1', [organization.id])
    expect((await it.get('session')).status).toBe(200)
  })

  test('after twelve hours without a sign of life', async () => {
    const it = await signedIn()
    await harness.server.authenticator.flushLastUsed()
    await harness.sql(`update sessions set last_used_at = now() - interval '13 hours' where user_id = $1`, [userId])
    expect((await it.get('session')).status).toBe(401)
  })
})

describe('only our own pages', () => {
  test.each([
    ['a form of another site', { 'content-type': 'text/plain' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['a page without our header', { 'x-breeze-console': '' }],
    ['another origin', { origin: 'https://evil.example' }],
  ])('%s is refused', async (_, headers) => {
    const it = await signedIn()
    expect((await it.post('tools/list_devices', {}, headers)).status).toBe(403)
  })

  test('a session is no key: neither for MCP nor for REST', async () => {
    const it = await signedIn()
    const [value = ''] = it.cookies.values()
    const rest = await fetch(`${harness.server.url}/api/v1/tools/list_devices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${value}`, cookie: `breeze_session=${value}` },
    })
    expect(rest.status).toBe(401)
  })
})
