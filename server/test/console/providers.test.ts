import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done, inPerson } from '../settings/answers.ts'
import { TestBrowser } from './browser.ts'
import { providersOf, startIssuer, type Bent, type Issuer } from './issuer.ts'
import { forgetProof, person, signedIn } from './people.ts'

let harness: Harness
let acme: Organization
let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
  harness = await boot({ env: { BREEZE_OIDC_PROVIDERS: providersOf(issuer) } })
  acme = await harness.organization('Acme')
})
afterAll(async () => {
  await harness.stop()
  await issuer.close()
})

const anybody = () => new TestBrowser(harness.server.url)
const technician = () => person(harness, 'technician', acme.id)

/** The path of an address of this server, as the browser's requests name it. */
const pathOf = (address: string | null) => {
  const { pathname, search } = new URL(address ?? '')
  return pathname.slice('/api/console/'.length) + search
}
/** As a navigation has them: no header of our pages, and from another site. */
const NAVIGATION = { 'x-breeze-console': '', 'sec-fetch-site': 'cross-site' }
const go = async (browser: TestBrowser, path: string) =>
  (await browser.get(path, NAVIGATION)).headers.get('location') ?? ''

async function signInAs(subject: string, browser = anybody(), returnTo = '/devices', bent: Bent = {}) {
  const away = await go(browser, `sign-in/provider/local?return_to=${encodeURIComponent(returnTo)}`)
  return { browser, landed: await go(browser, pathOf(issuer.approve(away, subject, bent))) }
}

/** A person who linked their account there. */
async function linked() {
  const tess = await technician()
  const subject = randomUUID()
  const browser = await signedIn(harness, tess)
  const { json } = await browser.post('account/providers/local')
  expect(await go(browser, pathOf(issuer.approve(String(json['redirect_to']), subject)))).toBe('/account')
  return { tess, subject, browser }
}

describe('signing in with another issuer', () => {
  test('is offered, and works for an account that its person linked', async () => {
    expect((await anybody().get('session')).json).toMatchObject({
      providers: [
        { id: 'local', name: 'Local' },
        { id: 'away', name: 'Away' },
      ],
    })
    const { tess, subject } = await linked()
    const { browser, landed } = await signInAs(subject)
    expect(landed).toBe('/devices')
    expect((await browser.get('session')).json).toMatchObject({ user: { id: tess.id } })
  })

  test('never goes by the address: the same one there is nobody here', async () => {
    const tess = await technician()
    const { browser, landed } = await signInAs(randomUUID(), anybody(), '/', {
      claims: { email: tess.email, email_verified: true },
    })
    expect(landed).toBe('/sign-in?problem=not_linked')
    expect((await browser.get('session')).status).toBe(401)
  })

  test.each<[string, Bent]>([
    ['another nonce', { claims: { nonce: 'x' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['another issuer', { claims: { iss: 'https://evil.example' } }],
    ['another audience', { claims: { aud: 'somebody else' } }],
    ['an end that has passed', { claims: { exp: 1 } }],
    ['a key that is not the issuer’s', { foreignKey: true }],
    ['no signature', { unsigned: true }],
  ])('is refused for a token with %s', async (_, bent) => {
    const { subject } = await linked()
    const { browser, landed } = await signInAs(subject, anybody(), '/', bent)
    expect(landed).toBe('/sign-in?problem=provider_refused')
    expect((await browser.get('session')).status).toBe(401)
  })

  test('is ended by the browser that began it, once, with the state it was given', async () => {
    const { subject } = await linked()
    const [victim, attacker] = [anybody(), anybody()]
    const away = await go(attacker, 'sign-in/provider/local')
    const back = pathOf(issuer.approve(away, subject))
    const before = issuer.redeemed
    // An attacker's answer in the victim's browser would sign the victim in as the attacker.
    expect(await go(victim, back)).toBe('/sign-in?problem=expired')
    await go(victim, 'sign-in/provider/local')
    expect(await go(victim, back)).toBe('/sign-in?problem=expired')
    expect(issuer.redeemed).toBe(before)
    expect(await go(attacker, back)).toBe('/')
    expect(await go(attacker, back)).toBe('/sign-in?problem=expired')
  })

  test('goes on in two tabs at once, each to where it was begun', async () => {
    const { subject } = await linked()
    const browser = anybody()
    const [first, second] = [
      await go(browser, 'sign-in/provider/local?return_to=/devices'),
      await go(browser, 'sign-in/provider/local?return_to=/account'),
    ]
    expect(await go(browser, pathOf(issuer.approve(first, subject)))).toBe('/devices')
    expect(await go(browser, pathOf(issuer.approve(second, subject)))).toBe('/account')
  })

  test('is not mixed up with another issuer: an answer counts at the address of the one that was asked', async () => {
    const { subject } = await linked()
    const browser = anybody()
    const back = pathOf(issuer.approve(await go(browser, 'sign-in/provider/local'), subject))
    const before = issuer.redeemed
    expect(await go(browser, back.replace('provider/local/', 'provider/away/'))).toBe('/sign-in?problem=expired')
    expect(issuer.redeemed).toBe(before)
    expect((await browser.get('session')).status).toBe(401)
  })

  test.each(['https://evil.example/', '//evil.example', '/\\evil.example', '/.//evil.example'])(
    'leads to a page of ours, not to %s',
    async (returnTo) => {
      const { subject } = await linked()
      expect((await signInAs(subject, anybody(), returnTo)).landed).toBe('/')
    },
  )

  test('opens nothing for a disabled person', async () => {
    const { tess, subject } = await linked()
    await harness.sql('update users set disabled_at = now() where id = $1', [tess.id])
    expect((await signInAs(subject)).landed).toBe('/sign-in?problem=not_linked')
  })
})

describe('linking', () => {
  test('needs a fresh proof, is to the person who asked, and ends with unlinking', async () => {
    const { tess, subject, browser } = await linked()
    const { json } = await browser.get('account')
    const [account] = json['providers'] as { id: string }[]
    expect(account).toMatchObject({ name: 'Local', label: `${subject}@example.test` })
    await forgetProof(harness, tess.id)
    expect((await browser.post('account/providers/local')).status).toBe(403)
    expect((await browser.send('DELETE', `account/providers/${account?.id}`)).status).toBe(403)
    const again = await signedIn(harness, tess)
    expect((await again.send('DELETE', `account/providers/${account?.id}`)).status).toBe(200)
    expect((await signInAs(subject)).landed).toBe('/sign-in?problem=not_linked')
  })

  test("can't take an account that is another person's", async () => {
    const { tess, subject } = await linked()
    const mallory = await signedIn(harness, await technician())
    const { json } = await mallory.post('account/providers/local')
    const landed = await go(mallory, pathOf(issuer.approve(String(json['redirect_to']), subject)))
    expect(landed).toBe('/account?problem=already_linked')
    const { browser } = await signInAs(subject)
    expect((await browser.get('session')).json).toMatchObject({ user: { id: tess.id } })
  })

  test('goes nowhere when somebody else has signed in in between', async () => {
    const browser = await signedIn(harness, await technician())
    const { json } = await browser.post('account/providers/local')
    const other = await technician()
    await browser.post('sign-in', { email: other.email, password: 'correct horse battery staple' })
    const landed = await go(browser, pathOf(issuer.approve(String(json['redirect_to']), randomUUID())))
    expect(landed).toBe('/sign-in?problem=expired')
  })
})

test('an invitation is accepted with an account there, without a password', async () => {
  const by = await inPerson(harness, await harness.user('organization_admin', acme.id))
  const email = `${randomUUID()}@acme.test`
  const made = done(await harness.invoke(by, 'invite_user', { email, role: 'viewer', organizations: 'Acme' }))
  const token = String(made['link']).split('/').at(-1)
  const [browser, subject] = [anybody(), randomUUID()]
  const { json } = await browser.post(`invitations/${token}/provider/local`)
  expect(await go(browser, pathOf(issuer.approve(String(json['redirect_to']), subject)))).toBe('/')
  expect((await browser.get('session')).json).toMatchObject({ user: { email, name: 'Nia at the issuer' } })
  expect((await browser.get('account')).json).toMatchObject({ password: false, providers: [{ name: 'Local' }] })
  const [linkedAccount] = (await browser.get('account')).json['providers'] as { id: string }[]
  expect((await browser.send('DELETE', `account/providers/${linkedAccount?.id}`)).status).toBe(409)
  expect((await signInAs(subject)).landed).toBe('/devices')
  expect((await browser.post(`invitations/${token}/provider/local`)).status).toBe(404)
  // The account there is taken: a second invitation is not used up by it.
  const second = done(
    await harness.invoke(by, 'invite_user', { email: `x${email}`, role: 'viewer', organizations: 'Acme' }),
  )
  const other = anybody()
  const begun = await other.post(`invitations/${String(second['link']).split('/').at(-1)}/provider/local`)
  const landed = await go(other, pathOf(issuer.approve(String(begun.json['redirect_to']), subject)))
  expect(landed).toBe('/sign-in?problem=already_linked')
  expect(code(await harness.invoke(by, 'revoke_invitation', { invitation: second['id'] }))).toBe('done')
})

test('an issuer that is away is said to be, and nothing else breaks', async () => {
  expect(await go(anybody(), 'sign-in/provider/away')).toBe('/sign-in?problem=provider_away')
  const browser = await signedIn(harness, await technician())
  expect((await browser.post('account/providers/away')).status).toBe(503)
  expect(await go(anybody(), 'sign-in/provider/nobody')).toBe('/sign-in?problem=unknown_provider')
})
