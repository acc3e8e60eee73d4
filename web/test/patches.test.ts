/** The patches' page: what devices lack, rules about it, and a deployment from the dialog to the rollout that it becomes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackingDevice } from '../../server/test/patches/patched-devices.ts'
import { type Console, findingsInBothThemes, noBrowser, settled, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the patches', () => {
  let console: Console
  beforeAll(async () => {
    console = await startConsole()
    const contoso = await console.harness.organization('Contoso')
    await lackingDevice(console.harness, contoso, 'CONTOSO-PC-1', ['openssl', 'curl'])
    await lackingDevice(console.harness, contoso, 'CONTOSO-PC-2', ['openssl'])
  })
  afterAll(() => console.close())

  test('what is missing is told by device, by update and by organization, and what blocks an update is kept as a rule', async () => {
    const page = await console.enter('/patches')
    await page.getByText('0 of 2 devices are fully patched').waitFor()
    await page.getByRole('row', { name: /CONTOSO-PC-1.*lacks updates.*2.*curl/ }).waitFor()
    await settled(page)
    expect(await findingsInBothThemes(page)).toEqual([])
    await page.getByRole('button', { name: 'Updates', exact: true }).click()
    await page.getByRole('row', { name: /openssl.*security.*2/ }).waitFor()
    await page.getByLabel('Which updates count').selectOption('security')
    await page.getByRole('row', { name: /curl/ }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Organizations', exact: true }).click()
    await page.getByRole('row', { name: /Contoso.*0 %/ }).waitFor()
    await page.getByRole('button', { name: 'Rules' }).click()
    await page.getByRole('heading', { name: 'No patch rules yet' }).waitFor()
    await page.getByRole('button', { name: 'New rule…' }).click()
    const dialog = page.getByRole('dialog', { name: 'New patch rule' })
    await dialog.getByLabel('Name', { exact: true }).fill('No curl')
    await dialog.getByLabel('Decision').selectOption('block')
    await dialog.getByLabel('Names or KB numbers, by comma').fill('curl*, kb5034441')
    await dialog.getByLabel('Name', { exact: true }).press('Enter')
    await page.getByRole('row', { name: /No curl.*Blocks.*curl\*, KB5034441/ }).waitFor()
    await page.getByRole('button', { name: 'Acts on No curl' }).click()
    await page.getByRole('menuitem', { name: 'Delete…' }).click()
    await page.getByRole('button', { name: 'Delete rule' }).click()
    await page.getByRole('heading', { name: 'No patch rules yet' }).waitFor()
  })

  test('a deployment shows its plan by name, and leads to the rollout that it becomes', async () => {
    const page = await console.enter('/patches')
    await page.getByRole('button', { name: 'Deploy…' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Deploy patches' })
    await dialog.getByLabel('CONTOSO-PC-2').check()
    await dialog.getByLabel('When').selectOption('now')
    await dialog.getByRole('button', { name: 'Deploy to 1 device…' }).click()
    const plan = page.getByRole('dialog', { name: /^Install/ })
    await plan.getByRole('list', { name: 'Devices', exact: true }).getByText('CONTOSO-PC-2').waitFor()
    await plan.getByRole('button', { name: 'Carry it out' }).click()
    await page.waitForURL('**/rollouts/*')
    await page.getByRole('complementary').getByText('1 of 1 succeeded').waitFor()
    await page.goto('/patches')
    await page.getByText('1 of 2 devices are fully patched').waitFor()
    expect(console.complaints).toEqual([])
  })
})
