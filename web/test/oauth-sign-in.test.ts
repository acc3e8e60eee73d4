/** The whole way of connecting an assistant: the official client, a real browser, a person, and the end of it. */
import { createHash, randomBytes } from 'node:crypto'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Assistant, RawClient, statusWith, tokensOf } from '../../server/test/oauth/assistant.ts'
import { type Console, findings, noBrowser, signIn, startConsole } from './browser.ts'
import { type Loopback, startLoopback } from './loopback.ts'

const CLAUDE_CODE = 'https://claude.ai/oauth/claude-code-client-metadata'

interface Choice {
  organization?: string
  tick?: string
  untick?: string
}

describe.skipIf(noBrowser !== undefined)('signing an assistant in', () => {
  let console: Console
  let contoso: string
  let program: Loopback
  let mcp: string
  beforeAll(async () => {
    console = await startConsole()
    const { harness } = console
    const organization = await harness.organization('Contoso')
    contoso = organization.id
    await harness.device(organization, 'CONTOSO-1')
    await harness.device(await harness.organization('Fabrikam'), 'FABRIKAM-1')
    program = await startLoopback()
    mcp = `${console.url}/api/v1/mcp`
  })
  afterAll(async () => {
    program.close()
    await console.close()
  })

  const transport = (assistant: Assistant) =>
    new StreamableHTTPClientTransport(new URL(mcp), { authProvider: assistant })
  const newClient = () => new Client({ name: 'acceptance', version: '1.0' })

  /** Opens the address as a client has the system do it, and answers on the consent page. */
  async function decide(page: Page, asked: URL | null, button: 'Approve' | 'Deny', choice: Choice = {}): Promise<URL> {
    await page.goto(String(asked))
    const answer = page.getByRole('button', { name: button })
    const email = page.getByLabel('Email')
    await answer.or(email).waitFor()
    if (await email.isVisible()) await signIn(page, console.password)
    await answer.waitFor()
    const scope = (name: string) => page.getByRole('checkbox', { name: new RegExp(`${name}$`) })
    if (choice.untick !== undefined) await scope(choice.untick).uncheck()
    if (choice.tick !== undefined) await scope(choice.tick).check()
    if (choice.organization !== undefined) await page.getByRole('checkbox', { name: choice.organization }).check()
    expect(await findings(page)).toEqual([])
    const arrival = program.arrival()
    await Promise.all([page.waitForURL(`${program.callback}?*`), answer.click()])
    return arrival
  }

  /** Is refused, sends the person to the browser, comes back with what it is told, and connects. */
  async function connect(page: Page, assistant: Assistant, choice?: Choice): Promise<Client> {
    const first = transport(assistant)
    await expect(newClient().connect(first)).rejects.toBeInstanceOf(UnauthorizedError)
    await first.finishAuth((await decide(page, assistant.asked, 'Approve', choice)).searchParams)
    const client = newClient()
    await client.connect(transport(assistant))
    return client
  }

  async function deviceNames(client: Client): Promise<string[]> {
    const { structuredContent } = await client.callTool({ name: 'list_devices', arguments: {} })
    return (structuredContent as { devices: { name: string }[] }).devices.map(({ name }) => name)
  }

  /** The person's way out: of the grant with that scope. */
  async function revoke(page: Page, name: string, scope = 'ai:read'): Promise<void> {
    await page.goto(`${console.url}/settings/connected-clients`)
    const row = page.getByRole('row').filter({ hasText: scope })
    await row.getByRole('button', { name: `Revoke ${name} of` }).click()
    expect(await findings(page)).toEqual([])
    await page
      .getByRole('dialog', { name: `Revoke ${name}` })
      .getByRole('button', { name: 'Revoke', exact: true })
      .click()
    await page.getByText(/^cut in/).waitFor()
  }

  async function expectOut(client: Client, assistant: Assistant): Promise<void> {
    expect(await statusWith(console.url, assistant.tokens()?.access_token ?? '')).toBe(401)
    assistant.asked = null
    await expect(deviceNames(client)).rejects.toBeInstanceOf(UnauthorizedError)
    // Renewing did not help either: only the person can.
    expect(assistant.asked).not.toBeNull()
  }

  test('registered, narrowed, given more, renewed, and out at the next call once revoked', async () => {
    const page = await console.open()
    const assistant = new Assistant({ callback: program.callback, scope: 'ai:read ai:write' })
    const first = await connect(page, assistant, { organization: 'Contoso', untick: 'ai:write' })
    expect((await first.listTools()).tools.map(({ name }) => name)).toContain('list_devices')
    expect(await deviceNames(first)).toEqual(['CONTOSO-1'])
    const granted = () =>
      console.harness.sql('select scopes, organization_ids from oauth_grants where revoked_at is null')
    expect(await granted()).toEqual([{ scopes: ['ai:read'], organization_ids: [contoso] }])

    assistant.asked = null
    const run = { name: 'run_script', arguments: { devices: 'none', content: 'true' } }
    await expect(first.callTool(run)).rejects.toBeInstanceOf(UnauthorizedError)
    const more = transport(assistant)
    const choice = { organization: 'Contoso', tick: 'ai:execute' }
    await more.finishAuth((await decide(page, assistant.asked, 'Approve', choice)).searchParams)
    const client = newClient()
    await client.connect(more)
    expect((await client.callTool(run)).structuredContent).toMatchObject({ code: 'not_found' })
    expect(await granted()).toContainEqual({ scopes: ['ai:read', 'ai:execute'], organization_ids: [contoso] })

    const before = assistant.tokens()?.access_token
    await console.harness.sql(`update oauth_store set expires_at = now() where model = 'AccessToken'`)
    expect(await deviceNames(client)).toEqual(['CONTOSO-1'])
    expect(assistant.tokens()?.access_token).not.toBe(before)

    await revoke(page, '“Test Assistant”', 'ai:execute')
    await expectOut(client, assistant)
    await Promise.all([first.close(), client.close()])
  })

  test('by the document of Claude Code, from a port of its own', async () => {
    const page = await console.enter('/devices')
    const assistant = new Assistant({ callback: program.callback, metadataUrl: CLAUDE_CODE })
    const client = await connect(page, assistant)
    expect(assistant.clientInformation()?.client_id).toBe(CLAUDE_CODE)
    expect(await deviceNames(client)).toEqual(['CONTOSO-1', 'FABRIKAM-1'])
    await revoke(page, 'Claude Code')
    await expectOut(client, assistant)
    await client.close()
  })

  test('denied, the client is told and has nothing', async () => {
    const page = await console.enter('/devices')
    const assistant = new Assistant({ callback: program.callback })
    const first = transport(assistant)
    await expect(newClient().connect(first)).rejects.toBeInstanceOf(UnauthorizedError)
    const back = await decide(page, assistant.asked, 'Deny')
    expect(back.searchParams.get('error')).toBe('access_denied')
    await expect(first.finishAuth(back.searchParams)).rejects.toThrow('the person did not agree')
    expect(assistant.tokens()).toBeUndefined()
  })

  test('each request that `claude mcp add --transport http` leads to', async () => {
    const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>
    const refused = await fetch(mcp, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    expect(refused.status).toBe(401)
    const challenge = refused.headers.get('www-authenticate') ?? ''
    const said = (name: string) => new RegExp(`${name}="([^"]+)"`).exec(challenge)?.[1] ?? ''
    const resource = await json(said('resource_metadata'))
    expect(resource).toMatchObject({ resource: mcp, authorization_servers: [console.url] })
    const server = await json(`${console.url}/.well-known/oauth-authorization-server`)
    expect(server).toMatchObject({ issuer: console.url, client_id_metadata_document_supported: true })
    expect(server['token_endpoint_auth_methods_supported']).toContain('none')

    const verifier = randomBytes(32).toString('base64url')
    const state = randomBytes(16).toString('base64url')
    const raw = RawClient.as(console.url, CLAUDE_CODE)
    const asked = raw.authorizationUrl({
      redirect_uri: program.callback,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      state,
      scope: `${said('scope')} offline_access`,
    })
    expect(`${asked.origin}${asked.pathname}`).toBe(server['authorization_endpoint'])
    const back = await decide(await console.enter('/devices'), asked, 'Approve')
    expect([back.searchParams.get('state'), back.searchParams.get('iss')]).toEqual([state, console.url])
    const code = back.searchParams.get('code') ?? ''
    const tokens = await tokensOf(
      await raw.redeem(code, { redirect_uri: program.callback, code_verifier: verifier, resource: mcp }),
    )
    expect(await statusWith(console.url, tokens.access_token)).toBe(200)
    const renewed = await tokensOf(await raw.refresh(tokens.refresh_token, { resource: mcp }))
    expect(await statusWith(console.url, renewed.access_token)).toBe(200)
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})
