/** An assistant connects: the official client, from the first 401 to a call, a refresh, more rights and the end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import type { TestBrowser } from '../console/browser.ts'
import { StreamableHTTPClientTransport, UnauthorizedError, Client } from '@modelcontextprotocol/client'
import { agree, Assistant, connect, signedIn, statusWith } from './assistant.ts'

let world: Harness
let organization: Organization
let technician: string
let browser: TestBrowser
beforeAll(async () => {
  world = await boot({
    documents: {
      resolve: async () => ['192.88.99.9'],
      vet: () => true,
      read: async (url) => ({
        client_id: url.href,
        client_name: 'Documented Assistant',
        redirect_uris: ['http://localhost/callback'],
      }),
    },
  })
  organization = await world.organization('Acme')
  technician = await world.user('technician', organization.id)
  browser = await signedIn(world, technician)
})
afterAll(() => world.stop())

describe('an assistant', () => {
  test('that registers is let in, and calls tools with the rights of its grant', async () => {
    const assistant = new Assistant()
    const client = await connect(world, browser, assistant)
    const answer = await client.callTool({ name: 'list_devices', arguments: {} })
    expect(answer.structuredContent).toMatchObject({ devices: [], total: 0 })
    expect(assistant.tokens()?.access_token).toMatch(/^brzo_/)
    expect(assistant.tokens()?.refresh_token).toMatch(/^brzr_/)
    const [grant] = await world.sql('select client_name, scopes, organization_id, user_id from oauth_grants')
    expect(grant).toEqual({
      client_name: 'Test Assistant',
      scopes: ['ai:read'],
      organization_id: organization.id,
      user_id: technician,
    })
    await client.close()
  })

  test('whose id is a document is let in, from a port of its own', async () => {
    const assistant = new Assistant({ metadataUrl: 'https://assistant.example.com/client.json' })
    const client = await connect(world, browser, assistant)
    expect((await client.listTools()).tools.map((tool) => tool.name)).toContain('list_devices')
    expect(assistant.clientInformation()).toMatchObject({ client_id: 'https://assistant.example.com/client.json' })
    await client.close()
  })

  test('may use a token at every address of MCP', async () => {
    const assistant = new Assistant()
    const client = await connect(world, browser, assistant, {}, '/api/v1/mcp/directory')
    const token = assistant.tokens()?.access_token ?? ''
    for (const path of ['/api/v1/mcp', '/api/v1/mcp/directory', '/api/v1/mcp/areas/devices']) {
      expect([path, await statusWith(world.server.url, token, path)]).toEqual([path, 200])
    }
    await client.close()
  })

  test('that was given the address with localhost is let in all the same', async () => {
    const twin = { sql: world.sql, server: { url: world.server.url.replace('127.0.0.1', 'localhost') } }
    const client = await connect(twin, browser, new Assistant())
    expect((await client.callTool({ name: 'list_devices', arguments: {} })).isError).toBeFalsy()
    await client.close()
  })

  test('that lacks a scope is told which, asks for it, and goes on with both', async () => {
    const assistant = new Assistant()
    const client = await connect(world, browser, assistant)
    assistant.asked = null
    const act = () => client.callTool({ name: 'run_script', arguments: { devices: 'none', content: 'true' } })
    await expect(act()).rejects.toBeInstanceOf(UnauthorizedError)
    const asked = new Set((assistant.asked as URL | null)?.searchParams.get('scope')?.split(' '))
    expect(asked).toContain('ai:execute')
    const back = await agree(browser, assistant.asked ?? '')
    const transport = new StreamableHTTPClientTransport(new URL(`${world.server.url}/api/v1/mcp`), {
      authProvider: assistant,
    })
    await transport.finishAuth(back.searchParams)
    const again = new Client({ name: 'acceptance', version: '1.0' })
    await again.connect(transport)
    const answer = await again.callTool({ name: 'run_script', arguments: { devices: 'none', content: 'true' } })
    expect(answer.structuredContent).toMatchObject({ code: 'not_found' })
    await Promise.all([client.close(), again.close()])
  })

  test('whose access token has ended renews it without the person, and goes on', async () => {
    const assistant = new Assistant()
    const client = await connect(world, browser, assistant)
    const before = assistant.tokens()?.access_token
    await world.sql(`update oauth_store set expires_at = now() where model = 'AccessToken'`)
    expect((await client.callTool({ name: 'list_devices', arguments: {} })).isError).toBeFalsy()
    expect(assistant.tokens()?.access_token).not.toBe(before)
    await client.close()
  })

  test('whose grant is revoked is out at the next call, and its person is asked again', async () => {
    const assistant = new Assistant()
    const client = await connect(world, browser, assistant)
    await browser.post('tools/revoke_grant', { user: 'me' })
    expect(await statusWith(world.server.url, assistant.tokens()?.access_token ?? '')).toBe(401)
    assistant.asked = null
    await expect(client.callTool({ name: 'list_devices', arguments: {} })).rejects.toBeInstanceOf(UnauthorizedError)
    expect(assistant.asked).not.toBeNull()
    await client.close()
  })

  test('can do no more than its grant in organizations that were left out', async () => {
    const other = await world.organization('Globex')
    const partner = await signedIn(world, await world.user('partner_technician'))
    const assistant = new Assistant()
    const client = await connect(world, partner, assistant, { organizations: [other.id] })
    await world.device(organization, 'ACME-1')
    await world.device(other, 'GLOBEX-1')
    const answer = await client.callTool({ name: 'list_devices', arguments: {} })
    expect(JSON.stringify(answer.structuredContent)).toContain('GLOBEX-1')
    expect(JSON.stringify(answer.structuredContent)).not.toContain('ACME-1')
    await client.close()
  })
})
