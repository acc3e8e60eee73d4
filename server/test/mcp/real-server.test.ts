import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { type Harness, type TestKey, boot } from '../harness.ts'
import { officialClients } from './clients.ts'
import { events, headersOf, initialize, modern, post, rpc } from './wire.ts'

let harness: Harness
let technician: TestKey
let reader: TestKey
beforeAll(async () => {
  harness = await boot({ env: { BREEZE_ENV: 'development' } })
  const organization = await harness.organization('Northwind')
  await harness.device(organization, 'NW-WS-01')
  const user = await harness.user('partner_admin')
  technician = await harness.key(user, ['ai:execute', 'administration.execute'])
  reader = await harness.key(user, ['ai:read'])
})
afterAll(() => harness.stop())

const address = (path = '') => `${harness.server.url}/api/v1/mcp${path}`

interface AuditRow extends Record<string, unknown> {
  id: string
  channel: string
  tool: string
  decision: string
  body: string
}
const auditOf = (id: unknown) => harness.sql<AuditRow>('select * from audit_entries where id = $1', [id])

describe.each(Object.entries(officialClients(address)))('%s', (_name, connect) => {
  it('is answered by every listed tool, and every answer fits what the list promised', async () => {
    const client = await connect(technician.key)
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(expect.arrayContaining(['list_devices', 'whoami']))
    for (const { name } of tools) {
      // The client itself throws when structured content does not fit the tool's output schema.
      const result = await client.callTool({ name, arguments: {} })
      expect(result, name).toMatchObject({ content: [{ type: 'text' }], structuredContent: expect.anything() })
    }
    await client.close()
  })

  it('can use no tool that its list does not show', async () => {
    const client = await connect(reader.key)
    const listed = new Set((await client.listTools()).tools.map((tool) => tool.name))
    // Settings are listed by their area only, and may be called on every path.
    const hidden = harness.server.registry.all().filter((tool) => !tool.byArea && !listed.has(tool.name))
    expect(hidden.map((tool) => tool.name)).toContain('run_script')
    for (const { name } of hidden) {
      const answer = await client.callTool({ name, arguments: {} }).catch((error: { code?: number }) => error)
      expect([answer, name]).toMatchObject('isError' in answer ? [{ isError: true }, name] : [{ code: -32602 }, name])
    }
    await client.close()
  })

  it('is refused with the entry that the audit holds about it', async () => {
    const client = await connect(reader.key)
    await client.listTools()
    const refused = await client.callTool({ name: 'run_script', arguments: { script: 'any', devices: ['NW-WS-01'] } })
    const structured = refused['structuredContent'] as Record<string, unknown>
    expect(structured).toMatchObject({
      code: expect.any(String),
      reason: expect.any(String),
      remedy: expect.any(String),
    })
    const [entry] = await auditOf(structured['audit_entry'])
    expect(entry).toMatchObject({ channel: 'mcp', tool: 'run_script' })
    await client.close()
  })
})

it('audits an unknown tool and the program that asked for it', async () => {
  const { body, headers } = modern('tools/call', { name: 'format_the_moon', arguments: {} })
  const reply = await post(address(), body, { key: technician.key, headers })
  // The shape that every refusal has.
  const { error } = (await reply.json()) as { error: { code: number; data: { audit_entry: string } } }
  expect(error.code).toBe(-32602)
  const [entry] = await auditOf(error.data.audit_entry)
  expect(entry?.tool).toBe('format_the_moon')
  expect(entry?.body).toContain('wire 2.0.0')
})

it('can use no tool over REST that its list does not show', async () => {
  const listing = await fetch(`${harness.server.url}/api/v1/tools`, { headers: headersOf(reader.key) })
  // The listing's shape.
  const { tools } = (await listing.json()) as { tools: { name: string }[] }
  const hidden = harness.server.registry.all().filter((tool) => !tools.some((shown) => shown.name === tool.name))
  expect(hidden.length).toBeGreaterThan(0)
  for (const { name } of hidden) {
    const response = await post(`${harness.server.url}/api/v1/tools/${name}`, {}, { key: reader.key })
    expect([name, response.status]).toEqual([
      name,
      expect.toSatisfy((status: number) => [400, 403, 404].includes(status)),
    ])
    expect(await response.json()).toMatchObject({ code: expect.any(String), audit_entry: expect.any(String) })
  }
})

it("answers the operator's token over REST, on the CLI's channel", async () => {
  const headers = { authorization: `Bearer ${harness.server.operatorToken}`, 'x-breeze-surface': 'cli' }
  const response = await post(`${harness.server.url}/api/v1/tools/whoami`, {}, { headers })
  expect(response.status).toBe(200)
  const refused = await post(`${harness.server.url}/api/v1/tools/no_such_tool`, {}, { headers })
  expect(refused.status).toBe(404)
  // The shape that every refusal has.
  const { audit_entry: id } = (await refused.json()) as { audit_entry: string }
  expect((await auditOf(id))[0]?.channel).toBe('cli')
})

it('opens nothing for an expired key, and ends its streams at that moment', async () => {
  const user = await harness.user('technician')
  const short = await harness.key(user, ['ai:read'], { expiresAt: new Date(Date.now() + 800) })
  const stream = events(await fetch(address('/sse'), { headers: headersOf(short.key) }))
  expect((await stream.next()).value?.event).toBe('endpoint')
  const began = performance.now()
  while (!(await stream.next()).done);
  expect(performance.now() - began).toBeLessThan(1_800)
  expect((await post(address(), rpc('ping'), { key: short.key })).status).toBe(401)
})

it('cuts a revoked key off at once, streams and sessions included', async () => {
  const doomed = await harness.key(await harness.user('technician'), ['ai:read'])
  const opened = await post(address(), initialize('2025-11-25', { elicitation: {} }), { key: doomed.key })
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
  const stream = events(await fetch(address('/sse'), { headers: headersOf(doomed.key) }))
  await stream.next()
  await harness.sql('update api_keys set deleted_at = now() where id = $1', [doomed.id])
  harness.server.authenticator.revoked(doomed.id)
  const began = performance.now()
  while (!(await stream.next()).done);
  expect(performance.now() - began).toBeLessThan(1_000)
  expect((await post(address(), rpc('ping'), { key: doomed.key, headers: session })).status).toBe(401)
})

it('audits the first throttled message', async () => {
  const small = await boot({ env: { MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: '2' } })
  const limited = await small.key(await small.user('technician'), ['ai:read'])
  const send = () => post(`${small.server.url}/api/v1/mcp`, rpc('ping'), { key: limited.key })
  await send()
  await send()
  expect((await send()).status).toBe(429)
  await expect
    .poll(() => small.sql(`select id from audit_entries where credential_id = $1 and kind = 'throttle'`, [limited.id]))
    .toHaveLength(1)
  await small.stop()
})

describe('a call whose policy asks its person', () => {
  type Answer = { action: 'accept' | 'decline'; content?: Record<string, boolean> }
  const NAME = { name: 'asking', version: '1.0.0' }
  const headers = () => ({ requestInit: { headers: { 'x-api-key': technician.key } } })
  const capabilities = { elicitation: {} }
  const yes: Answer = { action: 'accept', content: { go_ahead: true } }
  let input: { devices: string[]; content: string }
  beforeAll(async () => {
    const place = await harness.organization('Asked')
    input = { devices: [await harness.device(place, 'AS-1'), await harness.device(place, 'AS-2')], content: 'true' }
  })

  interface Asked {
    client: { callTool(call: { name: string; arguments: object }): Promise<object>; close(): Promise<void> }
    questions: string[]
  }
  async function sessions(answer: () => Promise<Answer>): Promise<Asked> {
    const questions: string[] = []
    const client = new ClientV1(NAME, { capabilities })
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      questions.push(params.message)
      return answer()
    })
    // The package's own transports do not satisfy its Transport type under exactOptionalPropertyTypes.
    await client.connect(new HttpV1(new URL(address()), headers()) as Parameters<typeof client.connect>[0])
    return { client: client as unknown as Asked['client'], questions }
  }
  async function modernEra(answer: () => Promise<Answer>): Promise<Asked> {
    const questions: string[] = []
    const versionNegotiation = { mode: { pin: '2026-07-28' } }
    const client = new ClientV2(NAME, { capabilities, versionNegotiation })
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      questions.push(params.message)
      return answer()
    })
    await client.connect(new HttpV2(new URL(address()), headers()))
    return { client: client as unknown as Asked['client'], questions }
  }
  const commands = async (): Promise<number> =>
    (await harness.sql('select from device_commands where device_id = any ($1::uuid[])', [input.devices])).length
  const run = ({ client }: Asked, more: object = {}) =>
    client.callTool({ name: 'run_script', arguments: { ...input, ...more } })

  it.each([
    ['in a session', sessions],
    ['on 2026-07-28', modernEra],
  ])('%s: runs once they agree, is not run when they do not, and the audit says whose word it was', async (_, open) => {
    let said: Answer = yes
    const asked = await open(async () => said)
    const before = await commands()
    const done = await run(asked)
    expect(done).toMatchObject({ structuredContent: { operation: expect.any(String), counts: expect.anything() } })
    expect(asked.questions).toEqual([expect.stringContaining('AS-1')])
    expect(await commands()).toBe(before + 2)
    const { structuredContent } = done as { structuredContent: { audit_entry: string } }
    const [entry] = await auditOf(structuredContent.audit_entry)
    expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({
      details: {
        confirmation: { asked: 'elicit', applied: 'elicit' },
        confirmed_by: expect.stringContaining('client'),
      },
    })
    for (const no of [{ action: 'decline' }, { action: 'accept', content: { go_ahead: false } }] satisfies Answer[]) {
      said = no
      expect(await run(asked)).toMatchObject({ isError: true, structuredContent: { code: 'declined' } })
    }
    // A token from a preview is not their answer: they are asked all the same.
    const preview = { tool: 'run_script', input }
    const shown = await asked.client.callTool({ name: 'preview_action', arguments: preview })
    const { confirmation } = (shown as { structuredContent: { confirmation: { token: string } } }).structuredContent
    expect(await run(asked, { confirmation: confirmation.token })).toMatchObject({
      structuredContent: { code: 'declined' },
    })
    expect(asked.questions).toHaveLength(4)
    expect(await commands()).toBe(before + 2)
    await asked.client.close()
  })

  it('falls back to a preview where the client declares nothing', async () => {
    const client = await officialClients(address)['v2 pinned to 2026-07-28']?.(technician.key)
    const held = await client?.callTool({ name: 'run_script', arguments: input })
    expect(held).toMatchObject({
      structuredContent: { state: 'confirmation_required', confirmation: expect.anything() },
    })
    await client?.close()
  })
})
