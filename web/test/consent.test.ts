/** A person's part of connecting an assistant, in a real browser on the real authorization server. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient, statusWith, tokensOf } from '../../server/test/oauth/assistant.ts'
import { type Console, findings, noBrowser, signIn, startConsole } from './browser.ts'
import { type Loopback, startLoopback } from './loopback.ts'

const SCOPES = 'ai:read ai:write ai:execute ai:execute_admin'

describe.skipIf(noBrowser !== undefined)('consent', () => {
  let console: Console
  let client: RawClient
  let contoso: string
  let program: Loopback
  let callback: string
  beforeAll(async () => {
    console = await startConsole()
    contoso = (await console.harness.organization('Contoso')).id
    await console.harness.organization('Fabrikam')
    program = await startLoopback()
    callback = program.callback
    client = await RawClient.register(console.url, { client_name: 'Test Assistant', redirect_uris: [callback] })
  })
  afterAll(async () => {
    await console.close()
    program.close()
  })

  const asked = (scope: string) => String(client.authorizationUrl({ scope, redirect_uri: callback }))
  const approve = (page: Page) => page.getByRole('button', { name: 'Approve' })

  async function comesBack(page: Page, act: () => Promise<unknown>): Promise<URL> {
    await Promise.all([page.waitForURL(`${callback}?*`), act()])
    return new URL(page.url())
  }

  async function opened(scope: string, options: Parameters<Console['enter']>[1] = {}): Promise<Page> {
    const page = await console.enter('/devices', options)
    await page.goto(asked(scope))
    await approve(page).waitFor()
    return page
  }

  test('a person signs in, narrows, approves by keyboard alone, and the program may do just that', async () => {
    const page = await console.open()
    await page.goto(asked(SCOPES))
    await page.getByText('An assistant is waiting.').waitFor()
    await signIn(page, console.password)
    await page.getByRole('heading', { name: '“Test Assistant” asks for access to Breeze' }).waitFor()
    await page.getByText('127.0.0.1 (this computer)').waitFor()
    await tabTo(page, 'All I can reach')
    await page.keyboard.press('ArrowDown')
    await page.getByText('Tick an organization, or deny.').waitFor()
    await tabTo(page, 'Contoso')
    await page.keyboard.press('Space')
    await tabTo(page, 'ai:write')
    await page.keyboard.press('Space')
    await page.getByText('“Test Assistant” will only read, in Contoso.').waitFor()
    await tabTo(page, 'Approve')
    const back = await comesBack(page, () => page.keyboard.press('Enter'))
    const tokens = await tokensOf(await client.redeem(back.searchParams.get('code') ?? '', { redirect_uri: callback }))
    expect(tokens.scope).toBe('ai:read')
    expect(await statusWith(console.url, tokens.access_token)).toBe(200)
    const grants = await console.harness.sql<{ organization_ids: string[]; scopes: string[] }>(
      'select organization_ids, scopes from oauth_grants',
    )
    expect(grants).toEqual([{ organization_ids: [contoso], scopes: ['ai:read'] }])
  })

  test('more than it was given before is told apart from what it has, and says that a grant is added', async () => {
    const page = await opened(SCOPES)
    await page.getByText('It has a grant of yours already.').waitFor()
    await page.getByText(/ai:read in Contoso, since .* the old one stays/).waitFor()
    await page.getByText('4 asked · 3 new · 2 ticked').waitFor()
    const scope = (name: string) => page.getByRole('listitem').filter({ has: page.getByRole('checkbox', { name }) })
    await scope('ai:read').getByText('It has this already').waitFor()
    await scope('ai:write').getByText('new', { exact: true }).waitFor()
    expect(await page.getByRole('checkbox', { name: 'Contoso' }).isChecked()).toBe(true)
    expect(await page.getByRole('checkbox', { name: 'Fabrikam' }).isChecked()).toBe(false)
    expect(await findings(page)).toEqual([])
  })

  test('high impact starts un-ticked and warns once it is ticked', async () => {
    const page = await opened(SCOPES)
    await page.getByLabel('All I can reach').check()
    const execute = page.getByRole('checkbox', { name: /ai:execute$/ })
    expect(await execute.isChecked()).toBe(false)
    expect(await page.getByRole('checkbox', { name: /ai:read$/ }).isChecked()).toBe(true)
    await execute.check()
    await page.getByText('High impact changes machines.').waitFor()
    await page.getByText('will read, write and change devices in every organization that you reach.').waitFor()
    await page.getByRole('button', { name: /High impact · \d+ tools/ }).click()
    await page.getByText('run_script').waitFor()
    expect(await findings(page)).toEqual([])
  })

  test('nothing ticked can not be approved, and says why', async () => {
    const page = await opened('ai:read')
    await page.getByRole('checkbox', { name: /ai:read$/ }).uncheck()
    await page.getByText('Tick what it may do, or deny.').waitFor()
    expect(await approve(page).getAttribute('aria-disabled')).toBe('true')
    await approve(page).click({ force: true })
    expect(page.url()).toContain('/consent/')
  })

  test('denied, the program is told and gets nothing', async () => {
    const page = await opened('ai:read')
    const back = await comesBack(page, () => page.getByRole('button', { name: 'Deny' }).click())
    expect(back.searchParams.get('error')).toBe('access_denied')
    expect(back.searchParams.get('code')).toBeNull()
  })

  test('what was answered is over, also for the button Back', async () => {
    const page = await opened('ai:read')
    await comesBack(page, () => approve(page).click())
    await page.goBack()
    await page.getByRole('heading', { name: 'This request is over' }).waitFor()
    await page.getByText(/Reference/).waitFor()
    expect(await findings(page)).toEqual([])
  })

  test('another browser can not answer, whoever is signed in there', async () => {
    const here = await opened('ai:read')
    const there = await console.enter('/devices')
    await there.goto(here.url())
    await there.getByRole('heading', { name: 'This request began in another browser' }).waitFor()
  })

  test('after an app was opened, the page says that it can be closed', async () => {
    const redirect = 'cursor://anysphere.cursor-retrieval/oauth/callback'
    const app = await RawClient.register(console.url, { client_name: 'Cursor', redirect_uris: [redirect] })
    const page = await console.enter('/devices')
    await page.goto(String(app.authorizationUrl({ redirect_uri: redirect })))
    await approve(page).click()
    await page.getByText('You can close this page.').waitFor()
    expect(await page.getByRole('link', { name: 'Open the app' }).getAttribute('href')).toMatch(/^cursor:.*code=/)
    expect(await findings(page)).toEqual([])
  })

  test('whoever may not connect assistants is told so, and can deny', async () => {
    const { harness } = console
    const viewer = await harness.user('viewer', contoso)
    await harness.sql(
      `update users set password_hash = (select password_hash from users where email = 'admin@breeze.local') where id = $1`,
      [viewer],
    )
    const page = await console.open()
    await page.goto(asked('ai:read'))
    await signIn(page, console.password, `${viewer}@example.test`)
    await page.getByText('Ask an administrator for the MCP Server write permission').waitFor()
    expect(await findings(page)).toEqual([])
    const back = await comesBack(page, () => page.getByRole('button', { name: 'Deny' }).click())
    expect(back.searchParams.get('error')).toBe('access_denied')
  })

  test('stands in no frame of somebody else’s page, where a click could be led astray', async () => {
    const page = await opened('ai:read')
    const consent = page.url()
    const other = await page.context().newPage()
    await other.goto(program.callback)
    await other.setContent(`<iframe src="${consent}" width="800" height="600"></iframe>`)
    await expect.poll(() => other.frames()[1]?.url()).toMatch(/^chrome-error:/)
    const answers = await Promise.all(
      ['/sign-in', consent, client.authorizationUrl({ response_type: 'token' })].map((address) =>
        fetch(new URL(String(address), console.url), { headers: { accept: 'text/html' } }),
      ),
    )
    for (const { headers } of answers) {
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('content-security-policy')).toContain("base-uri 'none'")
      expect(headers.get('x-frame-options')).toBe('DENY')
    }
  })

  test('whoever signed in since the page was made reads it again before anything is given', async () => {
    const page = await opened('ai:read')
    const other = await page.context().newPage()
    await page.context().clearCookies({ name: 'breeze_session' })
    await other.goto(`${console.url}/sign-in`)
    await signIn(other, console.password)
    await other.getByRole('navigation', { name: 'Main' }).waitFor()
    await approve(page).click()
    await page.getByRole('alert').filter({ hasText: 'somebody signed in anew' }).waitFor()
    await page.getByRole('button', { name: 'Read it again' }).click()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await comesBack(page, () => approve(page).click())
  })

  test('another person can take over before anything is given', async () => {
    const page = await opened('ai:read')
    // A session of its own, so that the other tests keep theirs.
    await page.context().clearCookies({ name: 'breeze_session' })
    await page.reload()
    await signIn(page, console.password)
    await page.getByRole('button', { name: 'Switch' }).click()
    await page.waitForURL(/\/sign-in\?return_to=/)
    await signIn(page, console.password)
    await approve(page).waitFor()
  })

  test.each([
    ['light', {}],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 390, height: 844 } }],
  ] as const)('the page is without a finding, %s', async (_, options) => {
    const page = await opened(SCOPES, options)
    expect(await findings(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe('viewport' in options ? 390 : 1440)
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})

/** Presses Tab until what has the focus is called that: as far as a person would have to. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    const focused = await page.evaluate(() => {
      const at = document.activeElement
      const label = at instanceof HTMLInputElement ? at.labels?.[0] : at
      return label?.textContent ?? ''
    })
    if (focused.endsWith(name)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`no Tab leads to ${name}`)
}
