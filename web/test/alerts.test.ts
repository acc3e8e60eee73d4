/** The alerts' page on a server with its real engine: what opens shows up by itself, and is handled by keyboard. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestAgent } from '../../server/test/agents/test-agent.ts'
import { alertRow } from '../../server/test/alerts/rows.ts'
import { done } from '../../server/test/settings/answers.ts'
import { type Console, noBrowser, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the alerts', () => {
  let console: Console
  let agent: TestAgent
  let reboot: string
  const act = async (tool: string, input: object) =>
    done(await console.harness.invoke(await console.harness.operator(), tool, input))

  beforeAll(async () => {
    console = await startConsole()
    const contoso = await console.harness.organization('Contoso')
    const { token } = await act('create_enrollment_token', { organization: 'Contoso' })
    agent = new TestAgent(console.url)
    await agent.enroll(String(token), { hostname: 'CONTOSO-FS-1' })
    await agent.connect()
    const device = await console.harness.device(contoso, 'CONTOSO-PC-2')
    await alertRow(console.harness, contoso, { device, severity: 'high', title: 'Memory is short' })
    await alertRow(console.harness, contoso, { device, severity: 'low', title: 'Clean-up is due' })
    reboot = await alertRow(console.harness, contoso, { device, severity: 'low', title: 'Reboot is pending' })
  })
  afterAll(async () => {
    await agent.disconnect()
    await console.close()
  })

  const sample = (usedPercent: number) => ({
    at: new Date().toISOString(),
    cpuPercent: 12.5,
    memoryPercent: 40,
    swapPercent: null,
    load1: null,
    uptimeSeconds: 1000,
    disks: [{ mount: '/', usedPercent, totalBytes: 1e12, availableBytes: 1e10 * (100 - usedPercent) }],
    receivedBytesPerSecond: null,
    sentBytesPerSecond: null,
  })

  test('what opens appears without a reload, is acknowledged and resolved by keyboard, and says that it still holds', async () => {
    const page = await console.enter('/alerts')
    const table = page.getByRole('table', { name: 'Alerts' })
    await table.getByRole('link', { name: 'Memory is short' }).waitFor()
    const entry = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: /^Alerts/ })
    await expect.poll(() => entry.textContent()).toContain('1 open, critical or high')
    await page.evaluate(() => (document.title = 'not loaded again'))

    // A rule that every partner begins with.
    agent.send({ type: 'metrics', samples: [sample(97)] })
    const row = table.getByRole('row', { name: /CONTOSO-FS-1/ })
    const opened = row.getByRole('link')
    await opened.waitFor()
    await expect.poll(() => entry.textContent()).toContain('2 open, critical or high')
    expect(await page.title()).toBe('not loaded again')
    const title = (await opened.textContent()) ?? ''

    await opened.focus()
    await page.keyboard.press('e')
    await page
      .getByRole('dialog', { name: 'Acknowledge this alert' })
      .getByLabel('Note')
      .fill('Asked for a bigger disk')
    await page.keyboard.press('Enter')
    await row.waitFor({ state: 'detached' })
    // The next row takes the focus of the one that went.
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Memory is short')

    await page.getByRole('button', { name: 'Acknowledged', exact: true }).click()
    await opened.waitFor()
    await opened.focus()
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary', { name: title })
    await drawer.getByText('Asked for a bigger disk').first().waitFor()
    await drawer.getByRole('link', { name: 'CONTOSO-FS-1' }).waitFor()
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })

    await page.keyboard.press('r')
    await page.getByRole('dialog', { name: 'Resolve this alert' }).waitFor()
    await page.keyboard.press('Enter')
    const outcome = page.getByRole('dialog', { name: '1 of 1 resolved' })
    await outcome.getByText('The condition still holds.').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Nothing is acknowledged' }).waitFor()
  })

  test('several at once; what changes meanwhile waits until it is asked for', async () => {
    const page = await console.enter('/alerts')
    const table = page.getByRole('table', { name: 'Alerts' })
    await table.getByRole('link', { name: 'Memory is short' }).focus()
    await page.keyboard.press('x')
    await page.getByRole('toolbar', { name: 'Chosen alerts' }).getByText('1 selected').waitFor()
    await act('resolve_alerts', { ids: [reboot] })
    const waiting = page.getByRole('button', { name: 'Alerts changed. Show them' })
    await waiting.waitFor()
    expect(await table.getByRole('link', { name: 'Reboot is pending' }).isVisible()).toBe(true)
    await waiting.click()
    await table.getByRole('link', { name: 'Reboot is pending' }).waitFor({ state: 'detached' })
    await page.getByLabel('Select Clean-up is due, CONTOSO-PC-2').check()
    await page
      .getByRole('toolbar')
      .getByRole('button', { name: /^Acknowledge/ })
      .click()
    const dialog = page.getByRole('dialog', { name: 'Acknowledge 2 alerts' })
    await dialog.getByText('CONTOSO-PC-2: Clean-up is due').waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('2 alerts acknowledged').waitFor()
    await table.getByRole('link', { name: 'Memory is short' }).waitFor({ state: 'detached' })
  })

  test('filters narrow and can be cleared; groups lead to their alerts; what is not there is said', async () => {
    const page = await console.enter('/alerts?status=acknowledged')
    const table = page.getByRole('table', { name: 'Alerts' })
    await table.getByRole('link', { name: 'Clean-up is due' }).waitFor()
    await page.getByRole('button', { name: 'High 1' }).click()
    await table.getByRole('link', { name: 'Clean-up is due' }).waitFor({ state: 'detached' })
    await page.getByLabel('Find alerts').fill('100%')
    await page.getByRole('heading', { name: 'No alert matches' }).waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.goto('/alerts?status=acknowledged&group=device')
    await page.getByRole('button', { name: 'CONTOSO-PC-2' }).click()
    await table.getByRole('link', { name: 'Memory is short' }).waitFor()
    await page.getByRole('button', { name: 'Remove the filter Device CONTOSO-PC-2' }).waitFor()
    await page.goto('/alerts/01890000-0000-7000-8000-000000000000')
    await page.getByRole('heading', { name: 'There is no such alert' }).waitFor()
    expect(console.complaints).toEqual([])
  })
})
