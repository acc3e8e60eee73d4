/** What an assistant gets to read when it asks Breeze something through an official MCP client. */
import type { Harness } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'

export interface Answer<Data> {
  text: string
  data: Data
  /** Of all that came back, whichever part of it the model is shown. */
  tokens: number
}

export interface AlertsAnswer {
  alerts: {
    id: string
    severity: string
    title: string
    source: string
    state?: string
    device: { name: string } | null
    site?: string
    opened_at: string
    value?: unknown
    stands_for?: number
  }[]
  counts: Record<string, number>
  attention?: { name: string; status: string }[]
  total: number
}

export interface DevicesAnswer {
  devices: { name: string; status: string }[]
  counts: Record<string, number>
  offline_sites: { name: string; offline: number }[]
  total: number
}

export interface PatchesAnswer {
  counts: Record<string, number>
  patched_percent: number
  devices: { name: string; state: string; missing: number; updates: string[]; failures?: unknown[] }[]
  total: number
}

export interface Assistant {
  alerts(input?: Record<string, unknown>): Promise<Answer<AlertsAnswer>>
  devices(input?: Record<string, unknown>): Promise<Answer<DevicesAnswer>>
  patches(input?: Record<string, unknown>): Promise<Answer<PatchesAnswer>>
  ask(tool: string, input: Record<string, unknown>): Promise<Answer<Record<string, unknown>>>
  close(): Promise<void>
}

const CHARACTERS_PER_TOKEN = 4

/** With a key that reads and does nothing else. */
export async function assistantOf(world: Harness): Promise<Assistant> {
  const { key } = await world.key(await world.user('partner_technician'), ['ai:read'])
  const clients = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)
  const client = await clients['v2 choosing by itself']?.(key)
  if (!client) throw new Error('there is no such client')
  return {
    alerts: (input = {}) => ask(client, 'get_alerts', input),
    devices: (input = {}) => ask(client, 'list_devices', input),
    patches: (input = {}) => ask(client, 'get_patch_status', input),
    ask: (tool, input) => ask(client, tool, input),
    close: () => client.close(),
  }
}

async function ask<Data>(client: AnyClient, name: string, input: Record<string, unknown>): Promise<Answer<Data>> {
  const result = await client.callTool({ name, arguments: input })
  const content = result['content'] as { type: string; text: string }[]
  const text = content.map((part) => part.text).join('\n')
  if (result['isError'] === true) throw new Error(`${name}: ${text}`)
  // Declared by the tool's output schema, which the client has checked.
  const data = result['structuredContent'] as Data
  return { text, data, tokens: Math.ceil(JSON.stringify(result).length / CHARACTERS_PER_TOKEN) }
}
