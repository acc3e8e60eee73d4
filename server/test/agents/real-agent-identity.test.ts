/** The agent of this repository on the agents' side of the server: its key changes, and it turns out to be a copy. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { importPrivateKey, publicKeyText } from '../../../agent/src/device-key.ts'
import { runAgent, type RunningAgent } from '../../../agent/src/main.ts'
import { bootFleet, type Fleet, type Place, until } from './fleet.ts'
import { TestAgent } from './test-agent.ts'

let fleet: Fleet
let place: Place
const folders: string[] = []
let agents: RunningAgent[] = []
beforeAll(async () => {
  fleet = await bootFleet({ heartbeatSeconds: 1 })
  place = await fleet.place()
})
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.stop('stop')))
  agents = []
})
afterAll(async () => {
  await fleet.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'breeze-agent-'))
  folders.push(made)
  return made
}

async function start(stateDirectory: string, token?: string): Promise<RunningAgent> {
  const agent = await runAgent({
    servers: [fleet.url],
    network: {},
    token,
    stateDirectory,
    power: 'dry-run',
    policyPath: join(stateDirectory, 'policy.json'),
    protectedPaths: [],
    fault: undefined,
    scriptEnvironment: { path: '/usr/bin:/bin', home: stateDirectory },
    log: () => undefined,
    timing: { reconnectBaseMs: 50 },
  })
  agents.push(agent)
  return agent
}

const stored = (stateDirectory: string) => JSON.parse(readFileSync(join(stateDirectory, 'identity.json'), 'utf8'))
const rewrite = (stateDirectory: string, change: object) =>
  writeFileSync(join(stateDirectory, 'identity.json'), JSON.stringify({ ...stored(stateDirectory), ...change }))
const publicKeyIn = (stateDirectory: string) => publicKeyText(importPrivateKey(stored(stateDirectory).privateKey))

async function deviceRow(id: string) {
  await fleet.presence.flush()
  const [row] = await fleet.sql<{ public_key: string; status: string; conditions: string[] }>(
    `select translate(rtrim(encode(public_key, 'base64'), '='), '+/', '-_') public_key, status, conditions
     from devices where id = $1`,
    [id],
  )
  return row
}

const online = (id: string) => until(async () => (await deviceRow(id))?.status === 'online')

test('a key that is due is replaced, and the server lets in the new one', async () => {
  const state = folder()
  const first = await start(state, await fleet.token(place))
  await online(first.deviceId)
  const before = publicKeyIn(state)
  await first.stop('stop')

  rewrite(state, { keyCreatedAt: '2020-01-01T00:00:00.000Z' })
  const second = await start(state)
  await until(() => publicKeyIn(state) !== before)
  await second.stop('stop')
  await start(state)
  await until(async () => (await deviceRow(first.deviceId))?.public_key === publicKeyIn(state))
  expect(stored(state).nextPrivateKey).toBeUndefined()
})

test('a copy of a machine that lives becomes a device of its own, which waits for approval and reports', async () => {
  const original = new TestAgent(fleet.url)
  await original.enroll(await fleet.token(place))
  await original.connect()
  original.heartbeat()

  // What the disk held, on another machine: this one.
  const state = folder()
  const other = await start(state, await fleet.token(place))
  await other.stop('stop')
  const privateKey = original.key.export({ format: 'der', type: 'pkcs8' }).toString('base64url')
  rewrite(state, { deviceId: original.deviceId, privateKey })

  const copy = await start(state)
  await until(() => copy.deviceId !== original.deviceId)
  const row = await until(async () => {
    const found = await deviceRow(copy.deviceId)
    return found?.public_key === publicKeyIn(state) ? found : undefined
  })
  expect(row.conditions).toContain('awaiting_approval')
  expect(stored(state).deviceId).toBe(copy.deviceId)
  expect((await deviceRow(original.deviceId))?.conditions).toContain('quarantined')
  await until(async () => {
    const [seen] = await fleet.sql('select from device_presence where device_id = $1', [copy.deviceId])
    return seen !== undefined
  })
})
