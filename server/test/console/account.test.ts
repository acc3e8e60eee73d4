import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { TestBrowser } from './browser.ts'
import { forgetProof, PASSWORD, person, signedIn, withTotp } from './people.ts'

let harness: Harness
let organization: Organization
beforeAll(async () => {
  harness = await boot()
  organization = await harness.organization('Acme')
})
afterAll(() => harness.stop())

const technician = () => person(harness, 'technician', organization.id)
interface Listed {
  id: string
  current: boolean
}

describe('step-up', () => {
  test('by the password, while that is all there is', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    await forgetProof(harness, tess.id)
    const wrong = await browser.post('step-up', { password: 'wrong' })
    expect(wrong).toMatchObject({ status: 403, json: { error: { code: 'wrong_credentials' } } })
    expect((await browser.post('account/totp')).status).toBe(403)
    const proven = await browser.post('step-up', { password: PASSWORD })
    expect(Date.parse(String(proven.json['until']))).toBeGreaterThan(Date.now() + 9 * 60_000)
    expect((await browser.post('account/totp')).status).toBe(200)
  })

  test('by the second factor, where there is one: the password no longer suffices', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    const { app, recovery } = await withTotp(browser)
    await forgetProof(harness, tess.id)
    const password = await browser.post('step-up', { password: PASSWORD })
    expect(password).toMatchObject({ status: 403, json: { methods: ['totp', 'recovery'] } })
    expect((await browser.post('step-up', { code: '000000' })).status).toBe(403)
    expect((await browser.post('step-up', { code: app.codeAt(0) })).status).toBe(200)
    await forgetProof(harness, tess.id)
    expect((await browser.post('step-up', { code: app.codeAt(0) })).status).toBe(403)
    expect((await browser.post('step-up', { code: recovery[0] })).status).toBe(200)
    expect((await browser.get('account')).json).toMatchObject({ totp: { enabled: true, recovery_codes_left: 9 } })
  })

  test('is of one session, not of all', async () => {
    const tess = await technician()
    const [browser, elsewhere] = [await signedIn(harness, tess), await signedIn(harness, tess)]
    await forgetProof(harness, tess.id)
    await browser.post('step-up', { password: PASSWORD })
    expect((await elsewhere.post('account/totp')).status).toBe(403)
  })
})

describe('the password', () => {
  test('changes with the current one, and ends the other sessions', async () => {
    const tess = await technician()
    const [browser, elsewhere] = [await signedIn(harness, tess), await signedIn(harness, tess)]
    const next = 'another long password'
    expect((await browser.post('account/password', { current: 'wrong', next })).status).toBe(403)
    expect((await browser.post('account/password', { next })).status).toBe(403)
    for (const weak of ['short', 'aaaaaaaaaaaaaaaa', tess.email])
      expect((await browser.post('account/password', { current: PASSWORD, next: weak })).status, weak).toBe(400)
    expect((await browser.post('account/password', { current: PASSWORD, next })).status).toBe(200)
    expect((await elsewhere.get('session')).status).toBe(401)
    expect((await browser.get('session')).status).toBe(200)
    const old = await new TestBrowser(harness.server.url).post('sign-in', { email: tess.email, password: PASSWORD })
    expect(old.status).toBe(401)
    await signedIn(harness, tess, next)
    const dump = JSON.stringify(await harness.sql('select body, payload from audit_entries'))
    expect(dump).not.toContain(next)
    expect(dump).toContain('password_change')
  })

  test('does not change by the password alone where there is a second factor', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    await withTotp(browser)
    await forgetProof(harness, tess.id)
    const answer = await browser.post('account/password', { current: PASSWORD, next: 'another long password' })
    expect(answer).toMatchObject({ status: 403, json: { error: { code: 'step_up_required' } } })
  })
})

describe('sessions', () => {
  test('are listed to their person and ended one by one', async () => {
    const tess = await technician()
    const [browser, elsewhere] = [await signedIn(harness, tess), await signedIn(harness, tess)]
    const sessions = (await browser.get('account')).json['sessions'] as Listed[]
    expect(sessions).toHaveLength(2)
    const other = sessions.find((session) => !session.current)
    expect((await browser.send('DELETE', `account/sessions/${other?.id}`)).status).toBe(200)
    expect((await elsewhere.get('session')).status).toBe(401)
    expect((await browser.send('DELETE', `account/sessions/${other?.id}`)).status).toBe(404)
  })

  test("of somebody else can't be ended: they are not there", async () => {
    const [tess, mallory] = [await technician(), await technician()]
    const browser = await signedIn(harness, tess)
    const [own] = (await browser.get('account')).json['sessions'] as Listed[]
    const thief = await signedIn(harness, mallory)
    expect((await thief.send('DELETE', `account/sessions/${own?.id}`)).status).toBe(404)
    expect((await thief.send('DELETE', `account/sessions/x'--`)).status).toBe(404)
    expect((await browser.get('session')).status).toBe(200)
  })
})

test('an account without a session is nobody’s', async () => {
  const browser = new TestBrowser(harness.server.url)
  for (const [method, path] of [
    ['GET', 'account'],
    ['POST', 'account/password'],
    ['POST', 'step-up'],
    ['DELETE', 'account/sessions/1'],
  ] as const)
    expect((await browser.send(method, path, { password: 'x' })).status, path).toBe(401)
})
