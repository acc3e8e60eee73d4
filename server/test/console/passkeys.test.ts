import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { TestBrowser } from './browser.ts'
import { forgetProof, PASSWORD, person, signedIn, withTotp, type Person } from './people.ts'
import { VirtualAuthenticator, type Twist } from './virtual-authenticator.ts'

let harness: Harness
let organization: Organization
beforeAll(async () => {
  harness = await boot()
  organization = await harness.organization('Acme')
})
afterAll(() => harness.stop())

const technician = () => person(harness, 'technician', organization.id)
const anybody = () => new TestBrowser(harness.server.url)

async function register(browser: TestBrowser, twist: Twist = {}) {
  const key = new VirtualAuthenticator(harness.server.url)
  const { json: options } = await browser.post('account/passkeys/options')
  const answer = await browser.post('account/passkeys', { name: 'Laptop', response: key.register(options, twist) })
  return { key, answer, options }
}

async function withPasskey(who?: Person) {
  const tess = who ?? (await technician())
  const browser = await signedIn(harness, tess)
  const { key, answer } = await register(browser)
  expect(answer.status).toBe(200)
  return { tess, browser, key, recovery: (answer.json['recovery_codes'] ?? []) as string[] }
}

async function signInWith(key: VirtualAuthenticator, browser = anybody(), twist: Twist = {}) {
  const { json: options } = await browser.post('sign-in/passkey/options')
  return browser.post('sign-in/passkey', key.answer(options, twist))
}

describe('a passkey', () => {
  test('signs in alone, with nobody named before', async () => {
    const { tess, key } = await withPasskey()
    const browser = anybody()
    const { json: options } = await browser.post('sign-in/passkey/options')
    expect(options).toMatchObject({ rpId: 'localhost', userVerification: 'required' })
    expect(options).not.toHaveProperty('allowCredentials')
    const answer = key.answer(options)
    expect((await browser.post('sign-in/passkey', answer)).json).toEqual({ state: 'signed_in' })
    expect((await browser.get('session')).json).toMatchObject({ user: { id: tess.id }, second_factor: true })
    expect((await browser.get('account')).json).toMatchObject({
      passkeys: [{ name: 'Laptop', last_used_at: expect.any(String) }],
    })
    // The challenge is used up.
    expect((await browser.post('sign-in/passkey', answer)).status).toBe(401)
  })

  test('is the second factor after the password, and recovery codes stand in for it', async () => {
    const { tess, key, recovery } = await withPasskey()
    expect(recovery).toHaveLength(10)
    const half = anybody()
    const { json } = await half.post('sign-in', { email: tess.email, password: PASSWORD })
    expect(json).toEqual({ state: 'second_factor', methods: ['passkey', 'recovery'] })
    expect(await signInWith(key, half)).toMatchObject({ status: 200 })
    const [session] = await harness.sql<{ methods: string[] }>(
      `select methods from sessions where user_id = $1 and revoked_at is null and stage = 'open' order by created_at desc limit 1`,
      [tess.id],
    )
    expect(session?.methods).toEqual(['password', 'passkey'])
    const again = anybody()
    await again.post('sign-in', { email: tess.email, password: PASSWORD })
    expect((await again.post('sign-in/code', { code: recovery[0] })).status).toBe(200)
  })

  test("of somebody else doesn't complete a sign-in", async () => {
    const [{ tess }, mallory] = [await withPasskey(), await withPasskey()]
    const half = anybody()
    await half.post('sign-in', { email: tess.email, password: PASSWORD })
    expect((await signInWith(mallory.key, half)).status).toBe(401)
  })

  test.each<[string, Twist]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another server', { rpId: 'evil.example' }],
    ['another challenge', { challenge: Buffer.from('something else').toString('base64url') }],
    ['no verification of the person', { verified: false }],
    ['another ceremony', { type: 'webauthn.create' }],
    ['a counter that went back', { counter: 1 }],
    ["another person's handle", { userHandle: Buffer.from('somebody').toString('base64url') }],
  ])('is refused with %s', async (_, twist) => {
    const { key } = await withPasskey()
    expect((await signInWith(key)).status).toBe(200)
    expect((await signInWith(key, anybody(), twist)).status).toBe(401)
  })

  test.each<[string, Twist]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another server', { rpId: 'evil.example' }],
    ['no verification of the person', { verified: false }],
  ])('is not registered with %s', async (_, twist) => {
    const browser = await signedIn(harness, await technician())
    const { answer } = await register(browser, twist)
    expect(answer).toMatchObject({ status: 403, json: { error: { code: 'wrong_credentials' } } })
  })

  test('is not registered with a challenge that this browser was not given', async () => {
    const browser = await signedIn(harness, await technician())
    const { answer } = await register(browser, { challenge: 'eA' })
    expect(answer).toMatchObject({ status: 404, json: { error: { code: 'expired' } } })
  })

  test('is asked for in two tabs at once, and each answer finds its own', async () => {
    const { key } = await withPasskey()
    const browser = anybody()
    const [first, second] = [
      (await browser.post('sign-in/passkey/options')).json,
      (await browser.post('sign-in/passkey/options')).json,
    ]
    for (const options of [first, second])
      expect((await browser.post('sign-in/passkey', key.answer(options))).status).toBe(200)
    for (let tab = 0; tab < 9; tab += 1) await browser.post('sign-in/passkey/options')
    expect(browser.cookies.get('breeze_flow')?.split('.')).toHaveLength(6)
  })

  test('answers the challenge of its own browser only', async () => {
    const { key } = await withPasskey()
    const [victim, attacker] = [anybody(), anybody()]
    const { json: options } = await victim.post('sign-in/passkey/options')
    await attacker.post('sign-in/passkey/options')
    expect((await attacker.post('sign-in/passkey', key.answer(options))).status).toBe(401)
    const without = await fetch(`${harness.server.url}/api/console/sign-in/passkey`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-breeze-console': '1' },
      body: JSON.stringify(key.answer(options)),
    })
    expect(without.status).toBe(401)
  })

  test('of a disabled person opens nothing', async () => {
    const { tess, key } = await withPasskey()
    await harness.sql('update users set disabled_at = now() where id = $1', [tess.id])
    expect((await signInWith(key)).status).toBe(401)
  })
})

describe('keeping passkeys', () => {
  test('adding and removing need a fresh proof, which a passkey gives', async () => {
    const { tess, browser, key } = await withPasskey()
    const [{ id } = { id: '' }] = (await browser.get('account')).json['passkeys'] as { id: string }[]
    await forgetProof(harness, tess.id)
    for (const [method, path] of [
      ['POST', 'account/passkeys/options'],
      ['POST', 'account/passkeys'],
      ['DELETE', `account/passkeys/${id}`],
    ] as const) {
      const answer = await browser.send(method, path)
      expect(answer).toMatchObject({ status: 403, json: { methods: ['passkey', 'recovery'] } })
    }
    const { json: options } = await browser.post('sign-in/passkey/options')
    expect(options['allowCredentials']).toMatchObject([{ id: key.id }])
    expect((await browser.post('step-up', { passkey: key.answer(options) })).status).toBe(200)
    expect((await browser.send('DELETE', `account/passkeys/${id}`)).status).toBe(200)
    expect((await signInWith(key)).status).toBe(401)
    // With the last factor its recovery codes are gone: the password is enough again.
    await signedIn(harness, tess)
  })

  test('adding one ends the other sessions, and keeps recovery codes that there are', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    await withTotp(browser)
    await harness.sql(`update sessions set revoked_at = null where user_id = $1`, [tess.id])
    const { answer } = await register(browser)
    expect(answer.json).not.toHaveProperty('recovery_codes')
    const open = await harness.sql('select from sessions where user_id = $1 and revoked_at is null', [tess.id])
    expect(open).toHaveLength(1)
  })

  test("one person's can't be registered or removed by another", async () => {
    const { browser, key } = await withPasskey()
    const [{ id } = { id: '' }] = (await browser.get('account')).json['passkeys'] as { id: string }[]
    const mallory = await signedIn(harness, await technician())
    expect((await mallory.send('DELETE', `account/passkeys/${id}`)).status).toBe(404)
    const { json: options } = await mallory.post('account/passkeys/options')
    expect((await mallory.post('account/passkeys', { response: key.register(options) })).status).toBe(409)
  })
})
