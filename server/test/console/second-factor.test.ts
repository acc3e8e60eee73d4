import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { TestBrowser } from './browser.ts'
import { authenticatorApp, forgetProof, PASSWORD, person, signedIn, withTotp, type Person } from './people.ts'

let harness: Harness
let organization: Organization
beforeAll(async () => {
  harness = await boot()
  organization = await harness.organization('Acme')
})
afterAll(() => harness.stop())

const technician = () => person(harness, 'technician', organization.id)

/** Past the password, before the code. */
async function halfWay({ email }: Person): Promise<TestBrowser> {
  const browser = new TestBrowser(harness.server.url)
  const answer = await browser.post('sign-in', { email, password: PASSWORD })
  expect(answer).toMatchObject({ status: 200, json: { state: 'second_factor' } })
  return browser
}

describe('codes of an authenticator app', () => {
  test('are asked for once they are confirmed, and the password alone opens nothing', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    const { json } = await browser.post('account/totp')
    expect(json['uri']).toContain(`secret=${String(json['secret'])}`)
    // Begun and not confirmed: signing in is as before.
    await signedIn(harness, tess)
    const { app } = await withTotp(browser)
    const half = await halfWay(tess)
    expect((await half.get('session')).status).toBe(401)
    expect((await half.post('tools/list_devices')).status).toBe(401)
    expect((await half.post('account/totp')).status).toBe(401)
    const before = half.copy()
    expect(await half.post('sign-in/code', { code: app.codeAt(0) })).toMatchObject({ json: { state: 'signed_in' } })
    expect((await half.get('session')).json).toMatchObject({ second_factor: true })
    expect((await before.get('session')).status).toBe(401)
    expect((await before.post('sign-in/code', { code: app.codeAt(1) })).status).toBe(404)
  })

  test('work once, also when six requests bring the same one', async () => {
    const tess = await technician()
    const { app } = await withTotp(await signedIn(harness, tess))
    const halves = await Promise.all(Array.from({ length: 6 }, () => halfWay(tess)))
    const code = app.codeAt(0)
    const answers = await Promise.all(halves.map((half) => half.post('sign-in/code', { code })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await (await halfWay(tess)).post('sign-in/code', { code })).json['error']).toMatchObject({
      code: 'second_factor_wrong',
    })
    // The step that confirmed the app is used up too.
    expect((await (await halfWay(tess)).post('sign-in/code', { code: app.codeAt(-1) })).status).toBe(401)
  })

  test('are guessed a few times, not on and on', async () => {
    const tess = await technician()
    await withTotp(await signedIn(harness, tess))
    const half = await halfWay(tess)
    const tries = await Promise.all(Array.from({ length: 20 }, () => half.post('sign-in/code', { code: '000000' })))
    expect(tries.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(8)
    expect(tries.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(12)
  })

  test('end the other sessions of the person, whether turned on or off', async () => {
    const tess = await technician()
    const [browser, elsewhere] = [await signedIn(harness, tess), await signedIn(harness, tess)]
    await withTotp(browser)
    expect((await elsewhere.get('session')).status).toBe(401)
    expect((await browser.send('DELETE', 'account/totp')).status).toBe(200)
    await signedIn(harness, tess)
    expect((await browser.post('account/recovery-codes')).status).toBe(409)
    const left = await harness.sql('select from recovery_codes where user_id = $1', [tess.id])
    expect(left).toHaveLength(0)
  })

  test.each([
    ['POST', 'account/totp'],
    ['POST', 'account/totp/confirm'],
    ['DELETE', 'account/totp'],
    ['POST', 'account/recovery-codes'],
  ])('%s %s needs a fresh proof', async (method, path) => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    await forgetProof(harness, tess.id)
    const answer = await browser.send(method, path, { code: '000000' })
    expect(answer).toMatchObject({ status: 403, json: { error: { code: 'step_up_required' }, methods: ['password'] } })
  })

  test('can not be replaced while they are on', async () => {
    const browser = await signedIn(harness, await technician())
    await withTotp(browser)
    expect((await browser.post('account/totp')).status).toBe(409)
  })

  test('are sealed in the database, for this person only', async () => {
    const [tess, mallory] = [await technician(), await technician()]
    const { json } = await (await signedIn(harness, tess)).post('account/totp')
    const dump = JSON.stringify(await harness.sql('select t::text from totp_factors t'))
    expect(dump).not.toContain(String(json['secret']))
    await withTotp(await signedIn(harness, mallory))
    // Whoever can write to the table can't lend one person the other's secret.
    await harness.sql(
      `update totp_factors set last_step = 0, secret = (select secret from totp_factors where user_id = $1) where user_id = $2`,
      [tess.id, mallory.id],
    )
    const code = authenticatorApp(String(json['secret'])).codeAt(0)
    expect((await (await halfWay(mallory)).post('sign-in/code', { code })).status).toBe(500)
  })
})

describe('recovery codes', () => {
  test('are ten, open once each, however they are typed, and are stored as hashes', async () => {
    const tess = await technician()
    const { recovery } = await withTotp(await signedIn(harness, tess))
    expect(new Set(recovery).size).toBe(10)
    const [first = '', second = ''] = recovery
    const half = await halfWay(tess)
    expect((await half.post('sign-in/code', { code: first.toUpperCase().replace('-', ' ') })).status).toBe(200)
    expect((await (await halfWay(tess)).post('sign-in/code', { code: first })).status).toBe(401)
    const dump = JSON.stringify(await harness.sql('select r::text from recovery_codes r'))
    expect(dump).not.toContain(second)
    expect(dump).not.toContain(second.replace('-', ''))
  })

  test('are replaced all at once', async () => {
    const tess = await technician()
    const browser = await signedIn(harness, tess)
    const { recovery } = await withTotp(browser)
    const { json } = await browser.post('account/recovery-codes')
    const half = await halfWay(tess)
    expect((await half.post('sign-in/code', { code: recovery[3] })).status).toBe(401)
    expect((await half.post('sign-in/code', { code: (json['recovery_codes'] as string[])[3] })).status).toBe(200)
  })
})
