import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { officialClients } from './clients.ts'
import { KEYS, type Running, startDouble } from './double.ts'

let server: Running
beforeAll(async () => {
  server = await startDouble()
})
afterAll(() => server.close())

const CLIENTS = officialClients((path) => `${server.url}${path}`)

describe.each(Object.entries(CLIENTS))('%s', (_name, connect) => {
  it('lists the tools and calls one', async () => {
    const client = await connect(KEYS.technician)
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toContain('list_devices')
    const result = await client.callTool({ name: 'list_devices', arguments: {} })
    expect(result).toMatchObject({
      content: [{ type: 'text', text: '1 device' }],
      structuredContent: { devices: [{ name: 'WS-01' }], total: 1 },
    })
    await client.close()
  })

  it('hands the kernel the caller, the channel and the client that speaks', async () => {
    const client = await connect(KEYS.technician)
    await client.callTool({ name: 'acknowledge_alerts', arguments: { ids: ['a'] } })
    const invocation = server.kernel.invocations.at(-1)
    expect(invocation).toMatchObject({ tool: 'acknowledge_alerts', input: { ids: ['a'] }, surface: 'mcp' })
    expect(invocation?.caller).toMatchObject({ channel: 'mcp', credential: { id: 'key-1' } })
    await client.close()
  })

  it('answers a held call with its plan and how to confirm it', async () => {
    const client = await connect(KEYS.technician)
    const result = await client.callTool({ name: 'device_actions', arguments: { action: 'reboot' } })
    expect(result['isError']).toBeFalsy()
    expect(result['structuredContent']).toMatchObject({ state: 'confirmation_required', audit_entry: 'audit-held' })
    expect(JSON.stringify(result['content'])).toContain('token-1')
    await client.close()
  })

  it('answers a refusal with its code, reason, remedy and audit entry', async () => {
    const client = await connect(KEYS.reader)
    const result = await client.callTool({ name: 'acknowledge_alerts', arguments: {} })
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { code: 'insufficient_scope', required_scope: 'ai:write', audit_entry: 'audit-refused' },
    })
    expect(JSON.stringify(result['content'])).toContain('ai:write')
    await client.close()
  })

  it('shows the refusal of a tool whose output schema promises other fields', async () => {
    const client = await connect(KEYS.technician)
    await client.listTools()
    const result = await client.callTool({ name: 'list_devices', arguments: { limit: 'many' } })
    expect(result).toMatchObject({ isError: true, structuredContent: { code: 'invalid_input' } })
    await client.close()
  })

  it('answers an unknown tool with a protocol error, and the kernel records it', async () => {
    const client = await connect(KEYS.technician)
    await expect(client.callTool({ name: 'no_such_tool', arguments: {} })).rejects.toMatchObject({ code: -32602 })
    expect(server.kernel.invocations.at(-1)?.tool).toBe('no_such_tool')
    await client.close()
  })

  it('refuses to connect without a good key', async () => {
    await expect(connect('brz_wrong')).rejects.toThrow()
  })
})

describe('changes of the tool list', () => {
  it.each([
    'v1 over HTTP+SSE',
    'v1 over Streamable HTTP, with elicitation',
    'v2 over HTTP+SSE',
    'v2 in the initialize era, with elicitation',
    'v2 pinned to 2026-07-28',
  ])('reach %s', async (name) => {
    let told = 0
    const client = await CLIENTS[name]?.(KEYS.technician, () => told++)
    await expect
      .poll(
        () => {
          server.http.mcp.toolsChanged()
          return told
        },
        // Longer than the pause in which a client waits for further changes.
        { timeout: 5_000, interval: 700 },
      )
      .toBeGreaterThan(0)
    await client?.close()
  })
})

describe('the client program', () => {
  it.each([
    ['v1 over HTTP+SSE', 'acceptance 3.1.4'],
    ['v1 over Streamable HTTP, with elicitation', 'acceptance 3.1.4'],
    ['v2 pinned to 2026-07-28', 'acceptance 3.1.4'],
    ['v1 over Streamable HTTP', 'node'],
  ])('is known to the kernel as it names itself: %s', async (name, expected) => {
    const client = await CLIENTS[name]?.(KEYS.technician)
    await client?.callTool({ name: 'list_devices' })
    expect(server.kernel.invocations.at(-1)?.caller.client).toBe(expected)
    await client?.close()
  })
})
