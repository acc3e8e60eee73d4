/** The Risk Engine's page: what it tells of tools, and the rules that are set on it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Organization } from '../../server/test/harness.ts'
import { ADMIN, type Console, findingsInBothThemes, noBrowser, settled, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the risk engine', () => {
  let console: Console
  let contoso: Organization
  let keyName: string

  beforeAll(async () => {
    console = await startConsole({ env: { BREEZE_ENV: 'production', MCP_EXECUTE_TOOL_ALLOWLIST: 'run_script' } })
    const { harness } = console
    contoso = await harness.organization('Contoso')
    const key = await harness.key(await harness.user('technician', contoso.id), ['ai:read'])
    keyName = `key ${key.id.slice(-4)}`
    const call = (tool: string) =>
      fetch(`${console.url}/api/v1/tools/${tool}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
        body: '{}',
      })
    expect((await call('whoami')).status).toBe(200)
    expect((await call('query_audit_log')).status).toBe(403)
  })
  afterAll(() => console.close())

  test('tells what an assistant could run, which gate refuses the rest, and opens a tool by keyboard', async () => {
    const page = await console.enter('/settings/risk-engine')
    const tools = page.getByRole('table', { name: 'Tools' })
    const row = (name: string) => tools.getByRole('row').filter({ hasText: name })
    await row('run_script').getByText('By reach').waitFor()
    await row('execute_command').getByText('Refused').waitFor()
    expect(await row('execute_command').textContent()).toContain('MCP_EXECUTE_TOOL_ALLOWLIST')
    await page.getByText('production').waitFor()

    await page.getByLabel('As seen by').selectOption({ label: 'You, in the console' })
    await row('execute_command').getByText('By reach').waitFor()

    await page.getByLabel('Find tools').fill('execute_command')
    await tools.getByRole('button', { name: 'execute_command' }).focus()
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary', { name: /command/i })
    await drawer.getByText('devices.execute').waitFor()
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
    await page.getByLabel('Find tools').fill('no such tool')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await row('run_script').waitFor()
    await page.close()
  })

  test('a rule is set and removed, and the approvals of an organization are changed', async () => {
    const page = await console.enter('/settings/risk-engine?show=confirmation')
    await console.harness.sql('update sessions set proven_at = now()')
    await page.getByText('No rules: the defaults below decide.').waitFor()
    await page.getByRole('button', { name: /Organization:/ }).click()
    await page.getByRole('button', { name: 'Contoso', exact: true }).click()
    await page.getByRole('heading', { name: 'Rules in Contoso' }).waitFor()

    await page.getByRole('button', { name: /^Set a rule/ }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Tool', { exact: true }).selectOption('run_script')
    await dialog.getByLabel('A second person').check()
    await dialog.getByRole('button', { name: /^Save changes/ }).click()
    await page.getByText('Rule saved').waitFor()
    const rules = page.getByRole('table', { name: 'Confirmation rules' })
    await rules.getByRole('row').filter({ hasText: 'run_script' }).getByText('A second person').waitFor()

    await page.getByRole('button', { name: /^Change…/ }).click()
    await dialog.getByLabel('A second person approves above').fill('0')
    await dialog.getByText('Enter a number of devices, 1 or more.').waitFor()
    await dialog.getByLabel('A second person approves above').fill('5')
    await dialog.getByLabel(/After an assistant has read device text/).fill('15')
    await dialog.getByRole('button', { name: /^Save changes/ }).click()
    await page.getByText('5 devices in one call').waitFor()
    await page.getByText('need a second person for 15 minutes').waitFor()
    expect(
      await console.harness.sql('select approval_limit, untrusted_minutes from organizations where id = $1', [
        contoso.id,
      ]),
    ).toEqual([{ approval_limit: 5, untrusted_minutes: 15 }])

    await rules.getByRole('button', { name: 'Remove the rule for run_script' }).click()
    await dialog.getByRole('button', { name: 'Remove rule' }).click()
    await page.getByText('No rules: the defaults below decide.').waitFor()
    await page.close()
  })

  test('shows what was refused, with the entry of the audit, and what the limits count', async () => {
    const page = await console.enter('/settings/risk-engine?show=denied')
    const denied = page.getByRole('row').filter({ hasText: 'query_audit_log' })
    await denied.getByText('forbidden').waitFor()
    expect(await denied.getByRole('button', { name: /^Copy the id of entry/ }).count()).toBe(1)
    await page.getByRole('button', { name: 'Limits now' }).click()
    await page.getByRole('row').filter({ hasText: keyName }).getByText('Messages a minute').waitFor()
    await page.close()
  })

  test('is closed to those without the permission', async () => {
    await console.harness.sql(
      `update role_assignments set role_id = 'technician' where user_id = (select id from users where email = $1)`,
      [ADMIN],
    )
    try {
      const page = await console.enter('/settings/risk-engine')
      await page.getByText('You cannot see tools').waitFor()
      await page.close()
    } finally {
      await console.harness.sql(
        `update role_assignments set role_id = 'partner_admin' where user_id = (select id from users where email = $1)`,
        [ADMIN],
      )
    }
  })

  test.each([1440, 390])('passes the rules of accessibility in both themes, %d pixels wide', async (width) => {
    const page = await console.enter('/settings/risk-engine', { viewport: { width, height: 860 } })
    const found: string[] = []
    const shots = process.env['SCREENSHOT_FOLDER']
    // The tools' own part is walked with every other page.
    for (const show of ['confirmation', 'denied', 'limits']) {
      await page.goto(`/settings/risk-engine?show=${show}`)
      await settled(page)
      found.push(...(await findingsInBothThemes(page)).map((line) => `${show}: ${line}`))
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth))
        found.push(`${show} is too wide`)
      if (shots) {
        await page.screenshot({ path: `${shots}/risk-${show}-${width}-light.png` })
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.screenshot({ path: `${shots}/risk-${show}-${width}-dark.png` })
      }
    }
    expect(found).toEqual([])
    await page.close()
  })

  test('asked for nothing that the policy of the pages refuses', () => expect(console.complaints).toEqual([]))
})
