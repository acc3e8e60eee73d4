import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeOf, stepAt } from '../../server/src/identity/totp.ts'
import { ADMIN, type Console, noBrowser, signIn, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the own account', () => {
  let console: Console
  beforeAll(async () => {
    console = await startConsole()
  })
  afterAll(() => console.close())

  /** Signing in was long ago: what changes who can get in needs a fresh proof. */
  const aged = () =>
    console.harness.sql(
      "update sessions set proven_at = now() - interval '1 hour', created_at = now() - interval '1 hour'",
    )

  test('an authenticator app is set up after a fresh proof, and gives recovery codes once', async () => {
    const page = await console.enter('/account')
    await aged()
    await page.getByRole('button', { name: 'Set up…' }).click()
    const proof = page.getByRole('dialog', { name: 'Prove that it is you' })
    await proof.getByLabel('Password').fill(console.password)
    await proof.getByRole('button', { name: 'Continue' }).click()
    const setUp = page.getByRole('dialog', { name: 'Set up an authenticator app' })
    const secret = (await setUp.getByLabel('Secret', { exact: true }).inputValue()).replaceAll(' ', '')
    expect(await setUp.getByLabel('otpauth address').inputValue()).toContain(`secret=${secret}`)
    const code = setUp.getByLabel('Authentication code')
    await expect.poll(() => code.evaluate((field) => field === document.activeElement)).toBe(true)
    await code.fill('000000')
    await setUp.getByRole('button', { name: 'Turn on' }).click()
    await setUp.getByRole('alert').waitFor()
    await setUp.getByLabel('Authentication code').fill(codeOf(fromBase32(secret), stepAt(new Date())))
    await setUp.getByRole('button', { name: 'Turn on' }).click()
    const codes = page.getByRole('dialog', { name: 'Keep your recovery codes' })
    expect((await codes.locator('pre').textContent())?.split('\n').length).toBeGreaterThan(7)
    await codes.getByLabel('I stored them somewhere safe').check()
    await codes.getByRole('button', { name: 'Done' }).click()
    await page.getByText(/^\d+ left/).waitFor()
  })

  test('another session is signed out from here', async () => {
    const { harness } = console
    await harness.sql('delete from totp_factors')
    await harness.sql('delete from recovery_codes')
    const other = await console.open()
    await other.goto('/sign-in?return_to=/account')
    await signIn(other, console.password, ADMIN)
    await other.getByText('this one').waitFor()
    const page = await console.enter('/account')
    await page
      .getByRole('button', { name: /^Sign out Chrome/ })
      .first()
      .click()
    await page.getByText('Signed out there').waitFor()
    await other.reload()
    await other.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  })

  test('the pages asked for nothing that their policy refuses', () => expect(console.complaints).toEqual([]))
})

function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  )
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}
