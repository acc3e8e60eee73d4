/** An assistant connects: the official client, from the first 401 to a call, a refresh, more rights and the end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import type { TestBrowser } from '../console/browser.ts'
import { Assistant, connect, statusWith } from './assistant.ts'

let world: Harness
let organization: Organization
let technician: string
let browser: TestBrowser
beforeAll(async () => {
  const { signedIn } = await import('./assistant.ts')
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
})
