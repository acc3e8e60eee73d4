import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, findings, noBrowser, startConsole } from './browser.ts'

const PHONE = { viewport: { width: 390, height: 844 } }

describe.skipIf(noBrowser !== undefined)('the console', () => {
  let console: Console
  let contoso: string
  beforeAll(async () => {
    console = await startConsole()
    const { harness } = console
    const organizations = [await harness.organization('Contoso'), await harness.organization('Fabrikam')]
    for (const [index, organization] of organizations.entries()) {
      for (const name of ['PC-1', 'PC-2', 'SRV-1']) {
        await harness.device(organization, `${organization.name}-${name}`, {
          status: index === 0 && name === 'PC-2' ? 'offline' : 'online',
          role: name === 'SRV-1' ? 'server' : 'workstation',
        })
      }
    }
    contoso = organizations[0]?.id ?? ''
  })
  afterAll(() => console.close())

  const names = (page: Awaited<ReturnType<Console['enter']>>) =>
    page.getByRole('table', { name: 'Devices' }).getByRole('link').allTextContents()

  test('lists the devices, by name, with counts that add up', async () => {
    const page = await console.enter('/')
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    expect(await names(page)).toEqual([
      'Contoso-PC-1',
      'Contoso-PC-2',
      'Contoso-SRV-1',
      'Fabrikam-PC-1',
      'Fabrikam-PC-2',
      'Fabrikam-SRV-1',
    ])
    await page.getByRole('button', { name: 'All 6' }).waitFor()
    await page.getByRole('button', { name: 'Offline 1' }).click()
    await page.getByText('1 device', { exact: true }).waitFor()
    expect(await names(page)).toEqual(['Contoso-PC-2'])
    expect(page.url()).toContain('status=offline')
  })

  test('a filter that nothing matches says so and can be cleared', async () => {
    const page = await console.enter('/devices')
    await page.getByLabel('Find devices').fill('nothing is called this')
    await page.getByRole('heading', { name: 'No device matches' }).waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.getByRole('link', { name: 'Fabrikam-SRV-1' }).waitFor()
  })

  test('the organization that is chosen narrows the pages, and is remembered', async () => {
    const page = await console.enter('/devices')
    await page.getByRole('button', { name: /Organization:/ }).click()
    await page.getByRole('button', { name: 'Contoso', exact: true }).click()
    await page.getByRole('button', { name: 'All 3' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'All 3' }).waitFor()
    expect(await page.evaluate(() => localStorage.getItem('breeze.organization'))).toBe(contoso)
  })

  test('a device opens beside the list, by keyboard, and Escape leads back to its row', async () => {
    const page = await console.enter('/devices')
    await page.getByRole('link', { name: 'Contoso-PC-1' }).focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary', { name: 'Contoso-PC-2' })
    await drawer.getByText('Operating system').waitFor()
    expect(await findings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Contoso-PC-2')
  })

  test('a device that is not there is not found', async () => {
    const page = await console.enter('/devices/01890000-0000-7000-8000-000000000000')
    await page.getByRole('heading', { name: 'There is no such device' }).waitFor()
  })

  test('the palette finds a device by name and opens it', async () => {
    const page = await console.enter('/devices')
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog', { name: 'Search or run' }).waitFor()
    // Pages match this as well, and are there at once: the device is still what Enter opens.
    await page.keyboard.type('srv')
    await page.getByRole('option', { name: /Contoso-SRV-1/, selected: true }).waitFor()
    await page.getByLabel('Search or run').last().fill('fabrikam-srv')
    await page.getByRole('option', { name: /Fabrikam-SRV-1/, selected: true }).waitFor()
    expect(await findings(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.getByRole('complementary', { name: 'Fabrikam-SRV-1' }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog', { name: 'Search or run' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  test('the theme follows the system until one is chosen, and the choice stays', async () => {
    const page = await console.enter('/devices', { colorScheme: 'dark' })
    const theme = () => page.evaluate(() => document.documentElement.dataset['theme'])
    expect(await theme()).toBe('dark')
    await page.getByRole('button', { name: /Account of/ }).click()
    await page.getByRole('menuitemradio', { name: 'Light' }).click()
    expect(await theme()).toBe('light')
    await page.reload()
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    expect(await theme()).toBe('light')
  })

  test('on a phone the navigation is behind a button, and nothing is wider than the screen', async () => {
    const page = await console.enter('/devices', PHONE)
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await page.getByRole('button', { name: 'Menu' }).click()
    const menu = page.getByRole('dialog', { name: 'Menu' })
    await menu.getByRole('link', { name: 'Devices' }).waitFor()
    expect(await findings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await menu.waitFor({ state: 'detached' })
  })

  test.each(['light', 'dark'] as const)('the list is without a finding in %s', async (colorScheme) => {
    const page = await console.enter('/devices', { colorScheme })
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    expect(await findings(page)).toEqual([])
  })

  test('the first Tab offers to skip to the page', async () => {
    const page = await console.enter('/devices')
    await page.getByRole('link', { name: 'Contoso-PC-1' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the page')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})
