/** The scripts' pages on a real server, with devices that answer as they are told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestAgent } from '../../server/test/agents/test-agent.ts'
import { done } from '../../server/test/settings/answers.ts'
import { type Console, findingsInBothThemes, noBrowser, settled, startConsole } from './browser.ts'

const UNFRIENDLY = '<img src=x onerror="document.title=1">'

describe.skipIf(noBrowser !== undefined)('the scripts', () => {
  let console: Console
  const agents: TestAgent[] = []
  const act = async (tool: string, input: object) => {
    const by = await console.harness.operator()
    const outcome = await console.harness.invoke(by, tool, input)
    if (outcome.status !== 'held') return done(outcome)
    return done(await console.harness.invoke(by, tool, { ...input, confirmation: outcome.hold.confirmation?.token }))
  }

  beforeAll(async () => {
    console = await startConsole()
    const contoso = await console.harness.organization('Contoso')
    const { token } = await act('create_enrollment_token', { organization: 'Contoso', uses: 2 })
    for (const hostname of ['CONTOSO-PC-1', 'CONTOSO-PC-2']) {
      const agent = new TestAgent(console.url)
      await agent.enroll(String(token), { hostname })
      await agent.connect()
      agents.push(agent)
    }
    await console.harness.device(contoso, 'CONTOSO-PC-3', { status: 'offline', role: 'workstation' })
  })
  afterAll(async () => {
    for (const agent of agents) await agent.disconnect()
    await console.close()
  })

  test('a script is written with its parameters, and somebody else’s version is not saved over unseen', async () => {
    const page = await console.enter('/scripts')
    await page.getByRole('link', { name: /^Disk/ }).first().waitFor()
    await page.getByRole('button', { name: 'New script' }).click()
    const dialog = page.getByRole('dialog', { name: 'New script' })
    await dialog.getByLabel('Name', { exact: true }).fill('Clear the spool')
    await dialog.getByLabel('Text', { exact: true }).fill('echo "$PARAM_DAYS"')
    for (const [name, type] of [
      ['days', 'number'],
      ['pin', 'secret'],
    ] as const) {
      await dialog.getByRole('button', { name: 'Add a parameter' }).click()
      const parameter = dialog.getByRole('group', { name: /^Parameter \d/ })
      await parameter.getByLabel('Type').selectOption(type)
      await parameter.getByLabel('Required').check()
      await parameter.getByLabel('Name').fill(name)
    }
    await dialog.getByRole('button', { name: 'Save the script…' }).click()
    await page.getByRole('button', { name: 'Carry it out' }).click()
    const drawer = page.getByRole('complementary', { name: 'Clear the spool' })
    await drawer.getByText('PARAM_DAYS').waitFor()

    await drawer.getByRole('button', { name: 'Edit…' }).click()
    const edit = page.getByRole('dialog', { name: 'Edit Clear the spool' })
    await edit.getByLabel('Text', { exact: true }).fill('echo mine')
    await act('save_script', { script: 'Clear the spool', content: 'echo theirs', note: 'Quicker' })
    await edit.getByRole('button', { name: 'Save the version…' }).click()
    await page.getByRole('button', { name: 'Carry it out' }).click()
    await edit.getByText('Version 2 was saved meanwhile by').waitFor()
    await edit.getByText('echo theirs').waitFor()
    await edit.getByRole('button', { name: 'Save mine after it' }).click()
    await edit.getByRole('button', { name: 'Save the version…' }).click()
    await page.getByRole('button', { name: 'Carry it out' }).click()
    await edit.waitFor({ state: 'detached' })
    await drawer.getByRole('link', { name: 'Version 2' }).click()
    await drawer.getByText('Not the latest.').waitFor()
    await drawer.getByText('echo theirs').waitFor()
  })

  test('a run shows its plan first, then each device as it goes; what devices write stays text; it is run again where it failed', async () => {
    const page = await console.enter('/scripts?text=spool')
    await page.getByRole('link', { name: 'Clear the spool' }).focus()
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary', { name: 'Clear the spool' })
    await drawer.getByRole('button', { name: 'Run…' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Run Clear the spool' })
    await dialog.getByRole('button', { name: /^All that match/ }).click()
    await dialog.getByLabel('days').fill('30')
    const secret = dialog.getByLabel('pin')
    expect(await secret.getAttribute('type')).toBe('password')
    await secret.fill('4711-secret')
    await dialog.getByRole('button', { name: /^Run on 3 devices/ }).click()

    const plan = page.getByRole('dialog', { name: /^Run the script "Clear the spool"/ })
    await plan.getByText('CONTOSO-PC-3: ', { exact: false }).first().waitFor()
    await plan.getByText('Cannot be undone.').waitFor()
    expect(await plan.textContent()).not.toContain('4711')
    // Machines of no known role count as servers.
    await plan.getByLabel('Type 3 to go on').fill('3')
    await page.keyboard.press('Enter')
    // The page does not wait for the devices.
    await page.waitForURL(/\/scripts\/runs\//)
    expect(page.url()).not.toContain('4711')
    const table = page.getByRole('table', { name: 'Results' })
    await table.getByRole('row', { name: /CONTOSO-PC-3.*Queued/i }).waitFor()
    const [one, two] = agents
    const sent = async (agent: TestAgent | undefined) => (await agent?.nextCommand())?.payload.commandId ?? ''
    one?.result(await sent(one), { output: `${UNFRIENDLY}\nspool is clear\n`, outputBytes: 60 })
    two?.result(await sent(two), { state: 'failed', exitCode: 3, output: 'no such spool\n', outputBytes: 14 })
    await table.getByRole('row', { name: /CONTOSO-PC-1.*Succeeded/i }).waitFor()
    await table.getByRole('row', { name: /CONTOSO-PC-2.*Failed.*3/i }).waitFor()
    await settled(page)
    expect(await findingsInBothThemes(page)).toEqual([])

    await page.getByLabel('Find in output').fill('spool is clear')
    await table.getByRole('row', { name: /CONTOSO-PC-2/ }).waitFor({ state: 'detached' })
    await table.getByRole('link', { name: 'CONTOSO-PC-1' }).focus()
    await page.keyboard.press('Enter')
    const output = page.getByRole('complementary', { name: 'CONTOSO-PC-1' })
    await output.getByText('Written by CONTOSO-PC-1').waitFor()
    await output.getByText(UNFRIENDLY).waitFor()
    expect(await output.locator('img').count()).toBe(0)
    expect(await findingsInBothThemes(page, 'aside')).toEqual([])
    await page.keyboard.press('Escape')
    await output.waitFor({ state: 'detached' })

    await page.getByRole('button', { name: 'Run again where it failed…' }).click()
    const again = page.getByRole('dialog', { name: 'Run it again where it failed' })
    await again.getByLabel('pin').fill('4711-secret')
    await again.getByLabel('pin').press('Enter')
    const smaller = page.getByRole('dialog', { name: /again where it failed/ }).last()
    await smaller.getByRole('list', { name: 'Devices' }).getByText('CONTOSO-PC-2').waitFor()
    await smaller.getByLabel('Type 1 to go on').fill('1')
    await page.keyboard.press('Enter')
    two?.result(await sent(two))
    await table.getByRole('row', { name: /CONTOSO-PC-2.*Succeeded/i }).waitFor()
    expect(await table.getByRole('row').count()).toBe(2)
  })

  test('a run in stages leads to its rollout, which is rolled back by the script’s own way back', async () => {
    await act('save_script', { name: 'Unmark', language: 'bash', content: 'rm -f /tmp/marked' })
    await act('save_script', { name: 'Mark', language: 'bash', content: 'touch /tmp/marked', undo: 'Unmark' })
    const page = await console.enter('/scripts?text=mark')
    await page.getByRole('link', { name: 'Mark', exact: true }).click()
    await page.getByRole('complementary', { name: 'Mark' }).getByRole('link', { name: 'its undo script' }).waitFor()
    await page.getByRole('button', { name: 'Run…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Run Mark' })
    await dialog.getByLabel('CONTOSO-PC-1').check()
    await dialog.getByText('User, time and pace').click()
    await dialog.getByLabel('In stages').check()
    await dialog.getByRole('button', { name: 'Run on 1 device…' }).click()
    await page.getByLabel('Type 1 to go on').fill('1')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/scripts\/runs\//)
    const [one] = agents
    const sent = async () => (await one?.nextCommand())?.payload.commandId ?? ''
    one?.result(await sent())
    await page
      .getByRole('table', { name: 'Results' })
      .getByRole('row', { name: /succeeded/ })
      .waitFor()
    await page.getByRole('link', { name: 'Its stages' }).click()
    await page.getByRole('button', { name: 'Roll back…' }).click()
    const plan = page.getByRole('dialog')
    await plan.getByRole('list', { name: 'Devices' }).getByText('CONTOSO-PC-1').waitFor()
    await plan.getByLabel('Type 1 to go on').fill('1')
    await page.keyboard.press('Enter')
    const drawer = page.getByRole('complementary')
    await drawer.getByText('It takes back').waitFor()
    one?.result(await sent())
    await drawer.getByText('1 of 1 succeeded').waitFor()
    await drawer.getByRole('link', { name: 'another rollout' }).click()
    await drawer.getByText('It was taken back by').waitFor()
  })

  test('where a second person has to approve, the dialog says so and leads to the request; nothing ran', async () => {
    await act('set_confirmation_policy', { policy: 'approver', tool: 'run_script' })
    const page = await console.enter('/scripts?text=mark')
    await page.getByRole('link', { name: 'Mark', exact: true }).click()
    await page.getByRole('button', { name: 'Run…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Run Mark' })
    await dialog.getByLabel('CONTOSO-PC-3').check()
    await dialog.getByRole('button', { name: 'Run on 1 device…' }).click()
    await page.getByRole('button', { name: 'Carry it out' }).click()
    await page.getByText('A second person has to approve it.').waitFor()
    expect(await findingsInBothThemes(page, 'dialog[open]')).toEqual([])
    await page.getByRole('link', { name: 'Open the request' }).click()
    await page.waitForURL(/\/approvals\//)
    await page.getByRole('complementary').getByText('CONTOSO-PC-3', { exact: true }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  test('archiving can be taken back; filters and what is not there say so', async () => {
    const page = await console.enter('/scripts?text=spool')
    await page.getByRole('link', { name: 'Clear the spool' }).click()
    await page.getByRole('button', { name: 'Archive', exact: true }).click()
    await page.getByText('Clear the spool archived').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Clear the spool restored').waitFor()
    await page.getByLabel('Find scripts').fill('no such thing')
    await page.getByRole('heading', { name: 'No script matches' }).waitFor()
    await page.goto('/scripts/runs/01890000-0000-7000-8000-000000000000')
    await page.getByRole('heading', { name: 'There is no such run' }).waitFor()
    await page.goto('/scripts/01890000-0000-7000-8000-000000000000')
    await page.getByRole('heading', { name: 'There is no such script' }).waitFor()
    expect(console.complaints).toEqual([])
  })
})
