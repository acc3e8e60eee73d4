import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, findings, noBrowser, signIn, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('signing in', () => {
  let console: Console
  beforeAll(async () => {
    console = await startConsole()
  })
  afterAll(() => console.close())

  test('whoever is not signed in is asked, and then goes where they wanted to', async () => {
    const page = await console.open()
    await page.goto('/devices?status=offline')
    await page.waitForURL(/\/sign-in\?return_to=/)
    await signIn(page, console.password)
    await page.waitForURL(`${console.url}/devices?status=offline`)
    await page.getByRole('heading', { name: 'Devices' }).waitFor()
  })

  test('a wrong password is said without telling which of the two was wrong', async () => {
    const page = await console.open()
    await page.goto('/sign-in')
    await signIn(page, 'not the password')
    expect(await page.getByRole('alert').textContent()).toContain('The email or the password is wrong.')
    await expectNothing(page)
  })

  test('the keyboard alone is enough', async () => {
    const page = await console.open()
    await page.goto('/sign-in')
    await page.getByLabel('Email').waitFor()
    await page.keyboard.type('admin@breeze.local')
    await page.keyboard.press('Tab')
    // The link beside the label comes between the two fields, as it is read.
    await page.keyboard.press('Tab')
    await page.keyboard.type(console.password)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/devices/)
  })

  test.each(['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)'])(
    'does not send anybody to %s',
    async (to) => {
      const page = await console.open()
      await page.goto(`/sign-in?return_to=${encodeURIComponent(to)}`)
      await signIn(page, console.password)
      await page.waitForURL(/\/devices/)
      expect(new URL(page.url()).origin).toBe(console.url)
    },
  )

  test('signing out ends it, also for the page that was left open', async () => {
    const page = await console.open()
    await page.goto('/sign-in')
    await signIn(page, console.password)
    await page.getByRole('button', { name: /Account of/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.waitForURL(/\/sign-in/)
    await page.goto('/devices')
    await page.waitForURL(/\/sign-in\?return_to=/)
  })

  test.each(['/sign-in?return_to=%2Fconsent%2Fx', '/reset', '/reset/over', '/invitation/over', '/setup', '/nowhere'])(
    '%s is without a finding, light and dark',
    async (path) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await console.open({ colorScheme })
        await page.goto(path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await expectNothing(page)
      }
    },
  )

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})

const expectNothing = async (page: Parameters<typeof findings>[0]) => expect(await findings(page)).toEqual([])
