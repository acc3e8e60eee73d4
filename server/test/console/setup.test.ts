import { afterEach, beforeEach, expect, test } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { TestBrowser } from './browser.ts'
import { PASSWORD, person, signedIn } from './people.ts'

let harness: Harness
beforeEach(async () => {
  harness = await boot()
})
afterEach(() => harness.stop())

const admin = { name: 'Ada', email: 'ada@msp.test', password: 'a long enough password' }
const token = () => harness.server.installation.setupToken ?? ''

test('the first administrator makes the account their own, once', async () => {
  const browser = new TestBrowser(harness.server.url)
  expect((await browser.get('session')).json).toMatchObject({ setup_needed: true, providers: [] })
  const wrong = await browser.post('setup', { token: `${token()}x`, ...admin })
  expect(wrong).toMatchObject({ status: 404, json: { error: { code: 'expired' } } })
  expect((await browser.post('setup', { token: token(), ...admin, password: 'short' })).status).toBe(400)
  const taken = await Promise.all(
    Array.from({ length: 4 }, () => new TestBrowser(harness.server.url).post('setup', { token: token(), ...admin })),
  )
  expect(taken.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404])
  const session = await (await signedIn(harness, { id: '', email: admin.email }, admin.password)).get('session')
  expect(session.json).toMatchObject({
    user: { name: 'Ada', email: admin.email },
    admin: true,
    partner: { name: 'My MSP' },
  })
  expect((await browser.get('session')).json).toMatchObject({ setup_needed: false })
  // The printed password went with it.
  const printed = harness.server.installation.oneTimePassword ?? ''
  expect((await browser.post('sign-in', { email: admin.email, password: printed })).status).toBe(401)
})

test('the set-up token opens nothing once somebody has signed in', async () => {
  const { adminEmail, oneTimePassword } = harness.server.installation
  await signedIn(harness, { id: '', email: adminEmail }, oneTimePassword ?? '')
  const late = await new TestBrowser(harness.server.url).post('setup', { token: token(), ...admin })
  expect(late.status).toBe(404)
})

test('no other account can be taken over by its address', async () => {
  const other = await person(harness, 'partner_technician')
  const browser = new TestBrowser(harness.server.url)
  expect((await browser.post('setup', { token: token(), ...admin, email: other.email })).status).toBe(409)
  await signedIn(harness, other, PASSWORD)
})
