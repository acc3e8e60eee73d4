import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, findingsInBothThemes, noBrowser, signIn, startConsole } from './browser.ts'
import { openPage, PAGES } from './places.ts'

/** Their layout on a phone; at their full width the walk by keyboard looks at all of them. */
const ON_PHONE = [
  { path: '/settings/mcp-server', button: 'Claude Code' },
  { path: '/settings/connected-clients', button: 'Revoke “' },
  { path: '/settings/api-keys', button: 'Create New Key' },
  { path: '/settings/invitations', button: 'Invite a person' },
  { path: '/settings/enrollment', button: 'New token' },
  { path: '/account', button: 'Change password' },
]
const PASSWORD = 'correct horse battery staple'

describe.skipIf(noBrowser !== undefined)('the settings', () => {
  let console: Console
  let contoso: { id: string; name: string; siteId: string }
  beforeAll(async () => {
    console = await startConsole()
    contoso = await console.harness.organization('Contoso')
    await console.harness.organization('Fabrikam')
  })
  afterAll(() => console.close())

  const asRole = async (role: string, path: string) => {
    const { harness } = console
    const id = await harness.user(role, contoso.id)
    await harness.sql('update users set password_hash = $2 where id = $1', [id, await hash(PASSWORD)])
    const page = await console.open()
    await page.goto(`/sign-in?return_to=${encodeURIComponent(path)}`)
    await signIn(page, PASSWORD, `${id}@example.test`)
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    return page
  }

  /** A program that the admin let in, as the authorization server keeps it. */
  const grant = async (client: string, name: string, host: string | null) => {
    const { harness } = console
    const { newId } = await import('../../server/src/kernel/context.ts').then((it) => it.systemEnvironment)
    const [admin] = await harness.sql<{ id: string; partner_id: string }>(
      "select id, partner_id from users where email = 'admin@breeze.local'",
    )
    await harness.sql(
      `insert into oauth_clients (id, kind, name, redirect_uris, created_at)
       values ($1, 'registered', $2, '{http://127.0.0.1/callback}', now()) on conflict do nothing`,
      [client, name],
    )
    const id = newId()
    await harness.sql(
      `insert into oauth_grants (id, partner_id, user_id, client_id, client_name, client_host, first_party, redirect_host,
         scopes, created_at, last_authorized_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, false, '127.0.0.1', '{ai:read,ai:write}', now(), now(), now() + interval '30 days')`,
      [id, admin?.partner_id, admin?.id, client, name, host],
    )
    return id
  }

  test('a card per client opens its own command, with this server’s address', async () => {
    const page = await console.enter('/settings/mcp-server')
    const url = `${console.url}/api/v1/mcp`
    expect(await page.getByLabel('Server URL').inputValue()).toBe(url)
    await page.getByText('Only this computer reaches this address.').waitFor()
    const cards = page.getByRole('list', { name: 'Clients' }).getByRole('button')
    expect(await cards.count()).toBe(10)
    await cards.filter({ hasText: 'Claude Code' }).click()
    const dialog = page.getByRole('dialog')
    expect(await dialog.locator('pre').textContent()).toBe(`claude mcp add --transport http breeze ${url}`)
    await dialog.getByRole('button', { name: 'API key' }).click()
    expect(await dialog.locator('pre').textContent()).toBe(
      `claude mcp add --transport http breeze ${url} --header "X-API-Key: YOUR_API_KEY"`,
    )
    await page.keyboard.press('Escape')
    await cards.filter({ hasText: 'Cursor' }).click()
    expect(await dialog.getByRole('link', { name: 'One-click install' }).getAttribute('href')).toMatch(
      /^cursor:\/\/anysphere\.cursor-deeplink\/mcp\/install\?name=breeze&config=/,
    )
    await page.keyboard.press('Escape')
    await cards.filter({ hasText: 'ChatGPT' }).click()
    await dialog.getByText('ChatGPT cannot reach this server.').waitFor()
  })

  test('a key made in a set-up is shown once, in that client’s own words', async () => {
    const page = await console.enter('/settings/mcp-server')
    await page.getByRole('button', { name: /Gemini CLI/ }).click()
    await page.getByRole('button', { name: 'API key' }).click()
    await page.getByRole('button', { name: 'Create New Key' }).click()
    const create = page.getByRole('dialog', { name: 'Create New Key' })
    expect(await create.getByLabel('Name').inputValue()).toBe('gemini-cli')
    await create.getByLabel('Partner-wide').check()
    await create.getByRole('button', { name: 'Create key' }).click()
    const reveal = page.getByRole('dialog', { name: 'Copy your key now' })
    const key = await reveal.getByLabel('Key', { exact: true }).inputValue()
    expect(await reveal.locator('pre').textContent()).toBe(
      `gemini mcp add --transport http -s user -H "X-API-Key: ${key}" breeze ${console.url}/api/v1/mcp`,
    )
  })

  test('without the permission to connect, the cards are off under the sentence that says why', async () => {
    const page = await asRole('viewer', '/settings/mcp-server')
    await page
      .getByText(
        'You have view-only access. Ask an administrator for the MCP Server write permission to connect clients.',
      )
      .waitFor()
    for (const card of await page.getByRole('list', { name: 'Clients' }).getByRole('button').all())
      expect(await card.isDisabled()).toBe(true)
    await page.goto('/settings/api-keys')
    await page.getByRole('heading', { name: 'You cannot see api keys' }).waitFor()
  })

  test('a grant is revoked under its button, and stays in the list, struck', async () => {
    const id = await grant('client-1', 'fleet-bot', null)
    const page = await console.enter('/settings/connected-clients')
    const row = page.getByRole('row', { name: /fleet-bot/ })
    await row.getByText('Unverified · 127.0.0.1').waitFor()
    await row.getByRole('button', { name: /^Revoke/ }).click()
    const popover = page.getByRole('dialog', { name: /Revoke/ })
    await popover.getByText(/loses access with its next request/).waitFor()
    await popover.getByRole('button', { name: 'Revoke', exact: true }).click()
    await row.getByText(/cut in \d/).waitFor()
    const [stored] = await console.harness.sql<{ revoked_reason: string }>(
      'select revoked_reason from oauth_grants where id = $1',
      [id],
    )
    expect(stored?.revoked_reason).toBe('user')
  })

  test('a grant that a newer one of the same client outgrew is marked as the older', async () => {
    const old = await grant('client-5', 'step-bot', null)
    await console.harness.sql(
      `update oauth_grants set scopes = '{ai:read}', created_at = now() - interval '1 day' where id = $1`,
      [old],
    )
    await grant('client-5', 'step-bot', null)
    const page = await console.enter('/settings/connected-clients')
    const rows = page.getByRole('row', { name: /step-bot/ })
    await rows.filter({ hasText: 'older' }).waitFor()
    expect(await rows.count()).toBe(2)
    expect(await rows.filter({ hasText: 'older' }).getByText('ai:write').count()).toBe(0)
  })

  test('a person gets another role and a reset link, is disabled and enabled; a service user is made', async () => {
    const { harness } = console
    const id = await harness.user('technician', contoso.id)
    await harness.sql(`update users set name = 'Tess', email = 'tess@contoso.test' where id = $1`, [id])
    const page = await console.enter('/settings/users')
    await harness.sql('update sessions set proven_at = now()')
    const tess = page.getByRole('row', { name: /Tess/ })
    const choose = async (item: string) => {
      await page.getByRole('button', { name: 'Actions for Tess' }).click()
      await page.getByRole('menuitem', { name: item }).click()
    }
    const dialog = page.getByRole('dialog')

    await choose('Change role…')
    await dialog.getByLabel('Role').selectOption('Viewer')
    await dialog.getByRole('button', { name: /^Change role/ }).click()
    await page.getByText('Tess: roles changed').waitFor()
    await tess.getByText('Viewer at Contoso').waitFor()

    await choose('Make a reset link…')
    await dialog.getByRole('button', { name: /^Make link/ }).click()
    const link = await dialog.getByLabel('Link', { exact: true }).inputValue()
    await dialog.getByLabel('I stored it somewhere safe').check()
    await dialog.getByRole('button', { name: 'Done' }).click()
    const hers = await console.open()
    await hers.goto(link)
    await hers.getByLabel('Password', { exact: true }).waitFor()

    await choose('Disable…')
    await dialog.getByRole('button', { name: 'Disable user' }).click()
    await tess.getByText('disabled', { exact: true }).waitFor()
    await choose('Enable')
    await tess.getByText('disabled', { exact: true }).waitFor({ state: 'detached' })
    expect(await harness.sql('select disabled_at from users where id = $1', [id])).toEqual([{ disabled_at: null }])

    await page.getByRole('button', { name: 'New service user' }).click()
    await dialog.getByLabel('Name').fill('Backup robot')
    await dialog.getByLabel('Role').selectOption('Technician')
    await dialog.getByLabel('Contoso').check()
    await dialog.getByRole('button', { name: /^Create service user/ }).click()
    await page
      .getByRole('row', { name: /Backup robot/ })
      .getByText('service', { exact: true })
      .waitFor()
  })

  test('a client is blocked for everyone, and unblocked', async () => {
    await grant('client-2', 'noisy-bot', null)
    const page = await console.enter('/settings/connected-clients')
    const row = page.getByRole('row', { name: /noisy-bot/ })
    await row.getByRole('button', { name: /^Revoke/ }).click()
    await page.getByLabel('Also block this client for everyone').check()
    await page.getByRole('button', { name: 'Revoke and block' }).click()
    await row.getByText(/cut in \d/).waitFor()
    await page.getByRole('button', { name: 'Blocked clients' }).click()
    const dialog = page.getByRole('dialog', { name: 'Blocked clients' })
    await dialog.getByRole('button', { name: 'Unblock noisy-bot' }).click()
    await dialog.getByText('No client is blocked').waitFor()
  })

  test('a device that waits is rejected only after its plan was confirmed', async () => {
    const { harness } = console
    const ids = [await harness.device(contoso, 'SRV-9', { role: 'server' }), await harness.device(contoso, 'PC-9')]
    await harness.sql("update devices set conditions = '{awaiting_approval}' where id = any ($1)", [ids])
    const page = await console.enter('/settings/enrollment')
    await page.getByRole('button', { name: 'Reject SRV-9' }).click()
    const plan = page.getByRole('dialog')
    await plan.getByText('Cannot be undone.').waitFor()
    await plan.getByRole('listitem').filter({ hasText: 'SRV-9' }).waitFor()
    const act = plan.getByRole('button', { name: 'Carry it out' })
    expect(await act.getAttribute('aria-disabled')).toBe('true')
    await plan.getByRole('button', { name: 'Keep as it is' }).click()
    await page.getByRole('button', { name: 'Reject SRV-9' }).click()
    await plan.getByLabel('Type 1 to go on').fill('1')
    await act.click()
    await page.getByText('SRV-9 rejected').waitFor()
    await page.getByRole('button', { name: 'Approve PC-9' }).click()
    await page.getByText('PC-9 approved').waitFor()
    await page.getByRole('heading', { name: /Waiting for approval/ }).waitFor({ state: 'detached' })
  })

  test('a second person reads a request, denies one with a reason and approves another', async () => {
    const { harness } = console
    const key = await harness.key(await harness.user('partner_technician'), ['ai:execute'])
    const place = await harness.organization('Approving')
    const devices = [await harness.device(place, 'AP-1'), await harness.device(place, 'AP-SRV-2', { role: 'server' })]
    await harness.sql('update organizations set approval_limit = 1 where id = $1', [place.id])
    const links = new Map<string, string>()
    const ask = async (content: string): Promise<string> => {
      const held = await harness.invoke(await harness.caller(key), 'run_script', { devices, content })
      if (held.status !== 'held') throw new Error(JSON.stringify(held))
      const { pathname, search } = new URL(held.hold.approval?.url ?? '')
      links.set(held.hold.operation, `${pathname}${search}`)
      return held.hold.operation
    }
    const [first, second] = [await ask('echo one'), await ask('echo two')]
    const page = await console.enter('/approvals')
    const rows = page.getByRole('table', { name: 'Approvals' }).getByRole('row')
    await expect.poll(() => rows.count()).toBe(3)

    const drawer = page.getByRole('complementary')
    await page.goto(`${links.get(first)}x`)
    await drawer.getByText('This link is not good').waitFor()
    expect(await drawer.textContent()).not.toContain('echo one')
    await page.goto(`/approvals/${first}`)
    await drawer.getByText('You did not come by a signed link.').waitFor()
    await page.goto(links.get(first) ?? '')
    await drawer.getByText('echo one').waitFor()
    expect(await drawer.textContent()).not.toContain('signed link')
    expect(await drawer.textContent()).toContain('AP-SRV-2')
    const shots = process.env['SCREENSHOT_FOLDER']
    if (shots) await page.screenshot({ path: `${shots}/approvals.png` })
    await drawer.getByRole('button', { name: 'Deny…' }).click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Why' }).fill('Not before Friday.')
    await page.keyboard.press('Enter')
    await drawer.getByText('Not before Friday.').waitFor()

    await page.goto(`/approvals/${second}`)
    await drawer.getByRole('button', { name: /^Approve/ }).click()
    await page.getByText('Approved. It runs now.').waitFor()
    const commands = await harness.sql('select operation_id from device_commands where device_id = any ($1::uuid[])', [
      devices,
    ])
    expect(commands).toEqual([{ operation_id: second }, { operation_id: second }])
    await page.keyboard.press('Escape')
    await page.getByText('Nothing waits for a decision').waitFor()

    const reader = await harness.caller(await harness.key(await harness.user('partner_technician'), ['ai:read']))
    const wanted = { scope: 'ai:execute', organization: place.id, reason: 'a printer fails' }
    const asked = await harness.invoke(reader, 'request_elevation', wanted)
    if (asked.status !== 'held') throw new Error(JSON.stringify(asked))
    const address = new URL(asked.hold.approval?.url ?? '')
    await page.goto(`${address.pathname}${address.search}`)
    await drawer.getByText('a printer fails').first().waitFor()
    await drawer.getByRole('button', { name: /^Approve/ }).click()
    await page.getByText('Approved. It runs now.').waitFor()
    await page.goto('/approvals')
    await page
      .getByRole('radio', { name: 'Elevations' })
      .or(page.getByRole('button', { name: 'Elevations' }))
      .first()
      .click()
    await page.getByText('In force').waitFor()
    await page.getByRole('button', { name: /^End ai:execute/ }).click()
    await page.getByText('in person').waitFor()
    await page.close()
  })

  test('an enrollment token comes with its one line', async () => {
    const page = await console.enter('/settings/enrollment')
    await page.getByRole('button', { name: 'New token' }).first().click()
    const create = page.getByRole('dialog', { name: 'Create an enrollment token' })
    await create.getByLabel('Organization').selectOption('Contoso')
    await create.getByRole('button', { name: 'Create token' }).click()
    const reveal = page.getByRole('dialog', { name: 'Copy your token now' })
    const token = await reveal.getByLabel('Token', { exact: true }).inputValue()
    expect(await reveal.locator('pre').textContent()).toContain(`/agent/install.sh | sudo sh -s -- --token ${token}`)
    await reveal.getByLabel('I stored it somewhere safe').check()
    await reveal.getByRole('button', { name: 'Done' }).click()
    await page
      .getByRole('row', { name: /Contoso/ })
      .getByText('open')
      .waitFor()
  })

  test('an organization gets a site, and a person an invitation', async () => {
    const page = await console.enter('/settings/organizations')
    await page.getByRole('button', { name: 'New organization' }).first().click()
    await page.getByRole('dialog').getByLabel('Name').fill('Northwind')
    await page.getByRole('button', { name: 'Create organization' }).click()
    await page.getByRole('button', { name: 'Northwind', exact: true }).click()
    await page.getByRole('button', { name: 'New site' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('Harbour office')
    await page.getByRole('button', { name: 'Create site' }).click()
    await page.getByRole('complementary', { name: 'Sites of Northwind' }).getByText('Harbour office').waitFor()

    await page.goto('/settings/invitations')
    await page.getByRole('button', { name: 'Invite a person' }).first().click()
    const invite = page.getByRole('dialog', { name: 'Invite a person' })
    await invite.getByLabel('Email').fill('tess@northwind.test')
    await invite.getByLabel('Role').selectOption('Technician')
    await invite.getByLabel('Northwind').check()
    await invite.getByRole('button', { name: 'Invite', exact: true }).click()
    const link = await page.getByLabel('Invitation link').inputValue()
    expect(link).toContain('/invitation/')
    await page.getByLabel('I stored it somewhere safe').check()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Revoke the invitation of tess@northwind.test' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByText('The invitation of tess@northwind.test is revoked').waitFor()
  })

  test.each([1440, 390])(
    'every page passes the rules of accessibility in both themes, %d pixels wide',
    async (width) => {
      await grant('client-3', 'Claude', 'claude.ai')
      await grant('client-4', 'other-bot', null)
      const found: string[] = []
      const page = await console.enter('/settings/mcp-server', { viewport: { width, height: 860 } })
      const note = async (where: string, within?: string) => {
        found.push(...(await findingsInBothThemes(page, within)).map((line) => `${where}: ${line}`))
        if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth))
          found.push(`${where} is too wide`)
      }
      for (const path of PAGES) {
        await openPage(page, path)
        await note(path)
      }
      for (const { path, button } of width < 641 ? ON_PHONE : []) {
        await openPage(page, path)
        await page.getByRole('button', { name: button }).first().click()
        await page.getByRole('dialog').waitFor()
        await note(`${path}, ${button}`, 'dialog[open], [role=dialog]')
      }
      expect(found).toEqual([])
    },
    240_000,
  )

  test('the pages asked for nothing that their policy refuses', () => expect(console.complaints).toEqual([]))
})
