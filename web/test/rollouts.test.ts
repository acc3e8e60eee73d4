/** The rollouts' page on a server with its real machine: stages that stop at their gate, and go on when somebody says so. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackingDevice, type PatchedDevice } from '../../server/test/patches/patched-devices.ts'
import { type Console, findingsInBothThemes, noBrowser, settled, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the rollouts', () => {
  let console: Console
  let devices: PatchedDevice[]

  const deploy = async (on: readonly PatchedDevice[], soak_minutes: number) => {
    const by = await console.harness.operator()
    const names = on.map(({ name }) => name)
    const rings = [{ name: 'first', devices: names.slice(0, 2) }]
    const input = { devices: names, when: 'now', rings, soak_minutes }
    const held = await console.harness.invoke(by, 'deploy_patches', input)
    if (held.status !== 'held') throw new Error(JSON.stringify(held))
    const { confirmation } = held.hold
    const done = await console.harness.invoke(by, 'deploy_patches', { ...input, confirmation: confirmation?.token })
    if (done.status !== 'done') throw new Error(JSON.stringify(done))
    return String(done.data['operation'])
  }

  beforeAll(async () => {
    console = await startConsole()
    const contoso = await console.harness.organization('Contoso')
    devices = await Promise.all(
      Array.from({ length: 7 }, (_, n) => lackingDevice(console.harness, contoso, `CONTOSO-PC-${n + 1}`)),
    )
  })
  afterAll(() => console.close())

  test('one shows up by itself, tells why it stopped and where, and goes on when it is resumed', async () => {
    const page = await console.enter('/rollouts')
    await page.getByRole('heading', { name: 'Nothing is being rolled out' }).waitFor()
    await page.evaluate(() => (document.title = 'not loaded again'))
    const [bad] = devices
    if (bad) bad.behaviour = 'fails'
    const operation = await deploy(devices.slice(0, 4), 0)
    const table = page.getByRole('table', { name: 'Rollouts' })
    const row = table.getByRole('row', { name: /stopped/ })
    await row.waitFor()
    expect(await page.title()).toBe('not loaded again')
    await row.getByText('1 failed').waitFor()
    await settled(page)
    expect(await findingsInBothThemes(page)).toEqual([])

    await row.getByRole('link').focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/rollouts/${operation}`)
    const drawer = page.getByRole('complementary')
    await drawer.getByText(/^Stage "first": 1 of [12] devices failed/).waitFor()
    await drawer.getByText('no space left on device').waitFor()
    await drawer.getByRole('img', { name: /1 failed/ }).waitFor()
    await settled(page)
    expect(await findingsInBothThemes(page, 'aside')).toEqual([])
    await drawer.getByRole('button', { name: /^failed/i }).click()
    await drawer.getByRole('link', { name: 'CONTOSO-PC-4' }).waitFor({ state: 'detached' })
    await drawer.getByRole('button', { name: /^All/ }).click()

    if (bad) bad.behaviour = 'installs'
    await drawer.getByRole('button', { name: 'Resume…' }).focus()
    await page.keyboard.press('Enter')
    const plan = page.getByRole('dialog', { name: /^Go on with the rollout that is stopped/ })
    await plan.getByRole('list', { name: 'Devices' }).getByText('CONTOSO-PC-1').waitFor()
    await plan.getByRole('button', { name: 'Carry it out' }).click()
    await drawer.getByRole('heading', { name: 'Rollout' }).locator('..').getByText('finished').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Nothing is being rolled out' }).waitFor()
  })

  test('it is paused with a reason and cancelled; what is not there is said', async () => {
    const operation = await deploy(devices.slice(4), 60)
    const page = await console.enter(`/rollouts/${operation}`)
    const drawer = page.getByRole('complementary')
    await drawer.getByRole('button', { name: 'Pause…' }).click()
    await page.getByLabel('Why, optional').fill('The office moves')
    await page.keyboard.press('Enter')
    await drawer.getByText(/^paused by .*: The office moves$/).waitFor()
    await drawer.getByRole('button', { name: 'Cancel the rollout…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the rollout' }).click()
    await page.getByText('Rollout cancelled, 1 device had not begun').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'All', exact: true }).click()
    const table = page.getByRole('table', { name: 'Rollouts' })
    await table.getByRole('row', { name: /cancelled/ }).waitFor()
    await table.getByRole('row', { name: /finished/ }).waitFor()
    await page.goto('/rollouts/01890000-0000-7000-8000-000000000000')
    await page.getByRole('heading', { name: 'There is no such rollout' }).waitFor()
    expect(console.complaints).toEqual([])
  })
})
