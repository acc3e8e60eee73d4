import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, noBrowser, startConsole } from './browser.ts'

describe.skipIf(noBrowser !== undefined)('the API keys', () => {
  let console: Console
  beforeAll(async () => {
    console = await startConsole()
    await console.harness.organization('Contoso')
    await console.harness.organization('Fabrikam')
  })
  afterAll(() => console.close())

  /** Whether a key opens the tools now. */
  const opens = async (key: string): Promise<boolean> => {
    const answer = await fetch(`${console.url}/api/v1/tools/list_devices`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: '{}',
    })
    return answer.status === 200
  }
  const enter = async () => {
    const page = await console.enter('/settings/api-keys')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    return page
  }

  test('a key is made, shown once, copied, rotated and deleted', async () => {
    const page = await enter()
    await page.getByRole('button', { name: 'Create New Key' }).first().click()
    const create = page.getByRole('dialog', { name: 'Create New Key' })
    await create.getByLabel('Name').fill('nightly-triage')
    await create.getByLabel('Contoso').check()
    await create.getByLabel(/ai:write/).check()
    await create.getByRole('button', { name: 'Create key' }).click()

    const reveal = page.getByRole('dialog', { name: 'Copy your key now' })
    const first = await reveal.getByLabel('Key', { exact: true }).inputValue()
    expect(first).toMatch(/^brz_/)
    expect(await opens(first)).toBe(true)
    expect(await reveal.getByRole('button', { name: 'Done' }).getAttribute('aria-disabled')).toBe('true')
    await page.keyboard.press('Escape')
    expect(await reveal.isVisible()).toBe(true)
    expect(await reveal.locator('pre').textContent()).toBe(
      `claude mcp add --transport http breeze ${console.url}/api/v1/mcp --header "X-API-Key: ${first}"`,
    )
    await reveal.getByRole('button', { name: 'Copy', exact: true }).first().click()
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(first)
    await reveal.getByRole('button', { name: 'Done' }).click()
    await page.getByText('nightly-triage', { exact: true }).waitFor()
    expect(await page.content()).not.toContain(first)

    await page.getByRole('button', { name: 'Actions for nightly-triage' }).click()
    await page.getByRole('menuitem', { name: 'Rotate…' }).click()
    await page
      .getByRole('dialog', { name: /Rotate/ })
      .getByRole('button', { name: 'Rotate key' })
      .click()
    const second = await reveal.getByLabel('Key', { exact: true }).inputValue()
    expect([await opens(first), await opens(second)]).toEqual([true, true])
    await reveal.getByLabel('I stored it somewhere safe').check()
    await reveal.getByRole('button', { name: 'Done' }).click()
    await page.getByText('old one ends').waitFor()

    await page.getByRole('button', { name: 'Actions for nightly-triage' }).click()
    await page.getByRole('menuitem', { name: 'Delete…' }).click()
    await page
      .getByRole('dialog', { name: /Delete/ })
      .getByRole('button', { name: 'Delete key' })
      .click()
    await page.getByText('nightly-triage deleted').waitFor()
    expect([await opens(first), await opens(second)]).toEqual([false, false])
  })

  test('a key is changed, and what is missing is said before anything is sent', async () => {
    const page = await enter()
    await page.getByRole('button', { name: 'Create New Key' }).first().click()
    const create = page.getByRole('dialog', { name: 'Create New Key' })
    await create.getByRole('button', { name: 'Create key' }).click()
    await create.getByText('Give it a name that says what uses it.').waitFor()
    await create.getByText('Choose at least one organization.').waitFor()
    await create.getByLabel('Name').fill('export')
    await create.getByLabel('Partner-wide').check()
    await create.getByRole('button', { name: 'Create key' }).click()
    const reveal = page.getByRole('dialog', { name: 'Copy your key now' })
    await reveal.getByLabel('I stored it somewhere safe').check()
    await reveal.getByRole('button', { name: 'Done' }).click()

    await page.getByRole('button', { name: 'Actions for export' }).click()
    await page.getByRole('menuitem', { name: 'Edit…' }).click()
    const edit = page.getByRole('dialog', { name: /Change/ })
    await edit.getByLabel('Name').fill('grafana-export')
    await edit.getByLabel('From addresses').fill('10.20.0.14')
    await edit.getByRole('button', { name: 'Save changes' }).click()
    const row = page.getByRole('row', { name: /grafana-export/ })
    await row.getByText('10.20.0.14').waitFor()
  })

  test('what the server refuses is said in the dialog, and nothing typed is lost', async () => {
    const page = await enter()
    await page.getByRole('button', { name: 'Create New Key' }).first().click()
    const create = page.getByRole('dialog', { name: 'Create New Key' })
    await create.getByLabel('Name').fill('somewhere')
    await create.getByLabel('Contoso').check()
    await create.getByLabel('From addresses').fill('not an address')
    await create.getByRole('button', { name: 'Create key' }).click()
    await create.getByRole('alert').filter({ hasText: 'must be an address or a range' }).waitFor()
    expect(await create.getByLabel('Name').inputValue()).toBe('somewhere')
  })

  test('the pages asked for nothing that their policy refuses', () => expect(console.complaints).toEqual([]))
})
