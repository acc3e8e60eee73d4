import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'
import { modern, post, rpc } from './wire.ts'

interface Progress {
  progress: number
  total?: number | undefined
  message?: string | undefined
}
interface Watched {
  call(input: object, onprogress?: (progress: Progress) => void): Promise<object>
  close(): Promise<void>
}

let world: Harness
let key: TestKey
let devices: ReachDevice[]
let commands: { device: ReachDevice; id: string }[]
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  const place = await world.organization('Contoso')
  key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  await world.sql(
    `insert into confirmation_policies (id, partner_id, organization_id, policy) values ($1, $2, $3, 'client')`,
    [systemEnvironment.newId(), world.server.installation.partnerId, place.id],
  )
  const connect = async (name: string): Promise<ReachDevice> => {
    const device: ReachDevice = await connectDevice(world, place, name, {
      sections: { capabilities: capabilities() },
      answer: (_, id) => {
        commands.push({ device, id })
        return null
      },
    })
    return device
  }
  devices = [await connect('one'), await connect('two'), await connect('three')]
})
afterAll(async () => {
  for (const device of devices ?? []) await device.agent.disconnect()
  await world.stop()
})
beforeEach(() => {
  commands = []
})

const address = (path = '') => new URL(`${world.server.url}/api/v1/mcp${path}`)
const headers = () => ({ requestInit: { headers: { 'x-api-key': key.key } } })
const NAME = { name: 'watching', version: '1.0.0' }
const input = () => ({ devices: devices.map(({ id }) => id), content: 'uptime' })

async function v1(transport: HttpV1 | SseV1): Promise<Watched> {
  const client = new ClientV1(NAME, { capabilities: { elicitation: {} } })
  // The package's own transports do not satisfy its Transport type under exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<typeof client.connect>[0])
  return {
    call: (asked, onprogress) =>
      client.callTool({ name: 'run_script', arguments: { ...asked } }, undefined, onprogress && { onprogress }),
    close: () => client.close(),
  }
}

async function v2(transport: HttpV2 | SseV2, mode: { pin: string } | 'legacy'): Promise<Watched> {
  const client = new ClientV2(NAME, { versionNegotiation: { mode } })
  await client.connect(transport)
  return {
    call: (asked, onprogress) =>
      client.callTool({ name: 'run_script', arguments: { ...asked } }, onprogress && { onprogress }),
    close: () => client.close(),
  }
}

const LEGS: Record<string, () => Promise<Watched>> = {
  'v1 in a session': () => v1(new HttpV1(address(), headers())),
  'v1 over HTTP+SSE': () => v1(new SseV1(address('/sse'), headers())),
  'v2 on 2026-07-28': () => v2(new HttpV2(address(), headers()), { pin: '2026-07-28' }),
  'v2 over HTTP+SSE': () => v2(new SseV2(address('/sse'), headers()), 'legacy'),
}

/** They finish one after the other, each once the one before was told of. */
async function finishInTurn(told: readonly Progress[]): Promise<void> {
  await expect.poll(() => commands.length, { timeout: 8000 }).toBe(devices.length)
  for (const [n, { device, id }] of commands.entries()) {
    await expect.poll(() => told.at(-1)?.progress, { timeout: 8000 }).toBe(n)
    // What changes sooner than clients are told is told with the next change.
    await new Promise((resolve) => setTimeout(resolve, 250))
    device.agent.result(id)
  }
}

describe.each(Object.entries(LEGS))('%s', (_name, open) => {
  it('is told how many devices have finished, and then has the answer', async () => {
    const client = await open()
    const told: Progress[] = []
    const answer = client.call(input(), (progress) => told.push(progress))
    await finishInTurn(told)
    expect(await answer).toMatchObject({ structuredContent: { state: 'succeeded', total: 3 } })
    expect(told.map(({ progress, total }) => [progress, total])).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    expect(told.at(-1)?.message).toBe('3 of 3 devices have finished')
    await client.close()
  })
})

describe('nobody is told', () => {
  const answerAll = async () => {
    await expect.poll(() => commands.length, { timeout: 8000 }).toBe(devices.length)
    for (const { device, id } of commands) device.agent.result(id)
  }

  it('who did not ask', async () => {
    const { body, headers: sent } = modern('tools/call', { name: 'run_script', arguments: input() })
    const answer = post(address().href, body, { key: key.key, headers: sent })
    await answerAll()
    const response = await answer
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(await response.json()).toMatchObject({ result: { structuredContent: { state: 'succeeded' } } })
  })

  it('on a leg without a stream, where the answer comes all the same', async () => {
    const params = { name: 'run_script', arguments: input(), _meta: { progressToken: 'p' } }
    const answer = post(address().href, rpc('tools/call', params), { key: key.key })
    await answerAll()
    expect(await (await answer).json()).toMatchObject({ result: { structuredContent: { state: 'succeeded' } } })
  })
})
