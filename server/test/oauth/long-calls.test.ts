/** A grant that is revoked while a call of it runs: the answer goes to nobody, the work is not undone, the next call is refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../agents/fleet.ts'
import { TestBrowser } from '../console/browser.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { events, initialize, modern, post, rpc } from '../mcp/wire.ts'
import { connectDevice, capabilities, type ReachDevice } from '../reach/devices.ts'
import { authorized, signedIn, statusWith } from './assistant.ts'

const OUTPUT = 'what only the holder of the grant may read'

let world: Harness
let place: Organization
let url: string
let technician: string
let browser: TestBrowser
let device: ReachDevice
let token: string
let held: string[]
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  url = world.server.url
  place = await world.organization('Acme')
  technician = await world.user('technician', place.id)
  browser = await signedIn(world, technician)
  const answer = (_body: unknown, commandId: string) => {
    held.push(commandId)
    return null
  }
  device = await connectDevice(world, place, 'box', { answer, sections: { capabilities: capabilities() } })
})
afterAll(async () => {
  await device?.agent.disconnect()
  await world.stop()
})
beforeEach(async () => {
  held = []
  token = (await authorized(world, browser, {}, 'ai:read ai:execute administration.write')).tokens.access_token
})

const input = () => ({ devices: device.id, content: 'sleep 30' })
const call = () => ({ name: 'run_script', arguments: input() })
const bearer = () => ({ authorization: `Bearer ${token}` })
const mcp = () => `${url}/api/v1/mcp`

/** Everything that comes, until there is no more. */
async function allOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text()
  let text = ''
  for await (const { data } of events(response)) text += data
  return text
}

/** Each answers what its client was told in the end. */
const LEGS: Record<string, () => Promise<string>> = {
  REST: async () =>
    allOf(
      await fetch(`${url}/api/v1/tools/run_script`, {
        method: 'POST',
        headers: { ...bearer(), 'content-type': 'application/json' },
        body: JSON.stringify(input()),
      }),
    ),
  'MCP 2025-11-25': async () => allOf(await post(mcp(), rpc('tools/call', call()), { headers: bearer() })),
  'MCP 2026-07-28': async () => {
    const { body, headers } = modern('tools/call', call())
    return allOf(await post(mcp(), body, { headers: { ...headers, ...bearer() } }))
  },
  'a session of MCP': async () => {
    const opened = await post(mcp(), initialize('2025-11-25', { elicitation: {} }), { headers: bearer() })
    await opened.text()
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    return allOf(await post(mcp(), rpc('tools/call', call()), { headers: { ...session, ...bearer() } }))
  },
  'HTTP+SSE': async () => {
    const stream = await fetch(`${mcp()}/sse`, { headers: { ...bearer(), accept: 'text/event-stream' } })
    const read = events(stream)
    const first = await read.next()
    await post(`${url}${first.value?.data ?? ''}`, rpc('tools/call', call()), { headers: bearer() })
    let text = ''
    for await (const { data } of read) text += data
    return text
  },
}

describe.each(Object.entries(LEGS))('a call over %s', (_leg, run) => {
  const endings: [string, () => Promise<unknown>][] = [
    ['revoked by its person', () => browser.post('tools/revoke_grant', { user: 'me' })],
    [
      'ended by a disabled user, as another node would tell it',
      () => world.sql('update users set disabled_at = now() where id = $1', [technician]),
    ],
  ]
  test.each(endings)('%s tells nothing more; what it began goes on, and the next one is refused', async (_, end) => {
    const told = run()
    await until(() => held.length === 1)
    await end()
    expect(await told).not.toContain('"state":"succeeded"')
    expect(await statusWith(url, token)).toBe(401)
    const [commandId = ''] = held
    device.agent.result(commandId, { output: OUTPUT, outputBytes: OUTPUT.length, exitCode: 0 })
    await device.agent.next('result_recorded')
    expect(await told).not.toContain(OUTPUT)
    await until(async () => {
      const [row] = await world.sql<{ state: string }>(
        `select o.state from operations o join device_commands c on c.operation_id = o.id where c.id = $1`,
        [commandId],
      )
      return row?.state === 'succeeded'
    })
    await world.sql('update users set disabled_at = null where id = $1', [technician])
  })
})

test('a call that ends its own grant is told that it did', async () => {
  const answer = await fetch(`${url}/api/v1/tools/revoke_grant`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'me' }),
  })
  expect([answer.status, await answer.json()]).toMatchObject([200, { revoked: expect.any(Number) }])
  expect(await statusWith(url, token)).toBe(401)
})

test('the audit says why such a call was told nothing', async () => {
  const [entry] = await world.sql<{ body: string }>(
    `select body from audit_entries where body::jsonb->>'tool' = 'run_script' and body::jsonb->>'code' = 'unauthenticated'
     order by seq desc limit 1`,
  )
  expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({ reason: expect.stringContaining('ended while it ran') })
})
