/** Ways in beside the password, with the browser's own WebAuthn and its own redirects. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { providersOf, startIssuer, type Issuer } from '../../server/test/console/issuer.ts'
import { authenticatorApp } from '../../server/test/console/people.ts'
import { type Console, findings, noBrowser, signIn, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('ways in', () => {
  let console: Console
  let issuer: Issuer
  beforeAll(async () => {
    issuer = await startIssuer()
    console = await startConsole({ env: { BREEZE_OIDC_PROVIDERS: providersOf(issuer) } })
  })
  afterAll(async () => {
    await console.close()
    await issuer.close()
  })

  const signOut = async (page: Page) => {
    await page.getByRole('button', { name: /Account of/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.waitForURL(/\/sign-in/)
  }

  test('an account at another issuer is linked, and signs in', async () => {
    const page = await console.open()
    await page.goto('/sign-in?return_to=/account')
    await signIn(page, console.password)
    await page.getByRole('button', { name: 'Link Local…' }).click()
    await page.getByRole('button', { name: 'Unlink Local' }).waitFor()
    expect(await findings(page)).toEqual([])
    await signOut(page)
    await page.getByRole('link', { name: 'Continue with Local' }).click()
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    await signOut(page)
    issuer.person = 'a stranger'
    await page.getByRole('link', { name: 'Continue with Local' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('not linked to anybody here')
    expect(await findings(page)).toEqual([])
  })

  test('a passkey is added, and signs in alone', async () => {
    // Browsers give an address no passkeys.
    const baseURL = console.url.replace('127.0.0.1', 'localhost')
    const page = await console.open({ baseURL })
    const debug = await page.context().newCDPSession(page)
    await debug.send('WebAuthn.enable')
    await debug.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    await page.goto('/sign-in?return_to=/account')
    await signIn(page, console.password)
    await page.getByRole('button', { name: 'Add a passkey…' }).click()
    await page.getByLabel('Name', { exact: true }).fill('This laptop')
    await page.getByRole('button', { name: 'Add passkey', exact: true }).click()
    await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Remove This laptop' }).waitFor()
    await signOut(page)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    // After the password it is asked for, and enough.
    await signOut(page)
    await signIn(page, console.password)
    await page.getByRole('heading', { name: 'Enter your code' }).waitFor()
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    await console.harness.sql('delete from passkeys')
    await console.harness.sql('delete from recovery_codes')
  })

  test('codes of an authenticator app are turned on, and asked for', async () => {
    const page = await console.open()
    await page.goto('/sign-in?return_to=/account')
    await signIn(page, console.password)
    const [answer] = await Promise.all([
      page.waitForResponse(/account\/totp$/),
      page.getByRole('button', { name: 'Set up…' }).click(),
    ])
    const app = authenticatorApp(String((await answer.json())['secret']))
    await page.getByLabel('Authentication code').fill(app.codeAt(-1))
    await page.getByRole('button', { name: 'Turn on' }).click()
    await page.getByRole('heading', { name: 'Keep your recovery codes' }).waitFor()
    await page.reload()
    await signOut(page)
    await signIn(page, console.password)
    await page.getByLabel('Authentication code').fill(app.codeAt(0))
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})
