/** Updates of agents over simulated devices: proof, stages, what is left alone, and who may fetch a build. */
import { createHash } from 'node:crypto'
import { commandPayload } from '@breeze/contract/agent-commands'
import { releaseManifest } from '@breeze/contract/agent-release'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { callsOf } from '../reach/calls.ts'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'

const BUNDLE = join(import.meta.dirname, '../newer-agent.cjs')
const sha256 = createHash('sha256').update(readFileSync(BUNDLE)).digest('hex')
let world: Harness
let place: Organization
let technician: Caller
let made = 0
beforeAll(async () => {
  world = await boot({ env: { BREEZE_AGENT_HEARTBEAT_SECONDS: '5' } })
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  place = await world.organization(`Updated ${made}`)
  technician = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']), 'mcp')
})
const { invoke, call, confirmed, refusal } = callsOf(
  new Proxy({} as Harness, { get: (_, name: keyof Harness) => world[name] }),
  () => technician,
)

type Behaviour = 'updates' | 'rolls-back' | 'lies'

/** `updates`: comes back as the new version and says so then, as the agent does. */
async function device(behaviour: Behaviour, version = '0.1.0'): Promise<ReachDevice> {
  const name = `U${made}-${behaviour}-${Math.random().toString(36).slice(2, 8)}`
  const connected: ReachDevice = await connectDevice(world, place, name, {
    sections: { capabilities: capabilities() },
    answer: (body, commandId) => {
      if (body.type !== 'agent.update') return {}
      const { version: to } = releaseManifest.parse(JSON.parse(body.args.manifest.payload))
      const data = { from: version, to, running: behaviour === 'rolls-back' ? version : to }
      if (behaviour === 'rolls-back') return { state: 'failed', reason: 'rolled back: it ended 3 times', data }
      if (behaviour === 'lies') return { data }
      void (async () => {
        connected.agent.agentVersion = to
        await connected.agent.connect()
        connected.agent.heartbeat()
        connected.agent.send({ type: 'result', commandId, outcome: { state: 'succeeded', data } })
      })()
      return null
    },
  })
  await world.sql('update devices set agent_version = $2 where id = $1', [connected.id, version])
  return connected
}
const stateOf = async (operation: unknown) =>
  (await call('get_operation', { operation })).data['rollout'] as { state: string; reason: string | null }
const reaches = (operation: unknown, state: string) =>
  until(async () => (await stateOf(operation)).state === state, 30_000)

it('is done on a device that connects as the new version; the plan says from which to which', async () => {
  const one = await device('updates')
  const preview = await invoke('update_agents', { devices: one.name, dry_run: true })
  expect(JSON.stringify(preview)).toContain(`0.1.0 → 9.0.0 on ${one.name}`)
  expect(one.received).toEqual([])
  const { data } = await call('update_agents', { devices: one.name })
  expect(data).toMatchObject({ state: 'finished', devices: [{ name: one.name, state: 'succeeded' }] })
  const details = await call('get_device_details', { device: one.name })
  expect(details.data).toMatchObject({ agent_version: '9.0.0' })
  expect(await refusal('update_agents', { devices: one.name })).toMatchObject({
    code: 'conflict',
    reason: 'This device runs 9.0.0 already, or a newer agent.',
  })
})

it('tells the reason of a device that went back, and does not believe one that only says it is new', async () => {
  const back = await device('rolls-back')
  const { data } = await call('update_agents', { devices: back.name })
  expect(data).toMatchObject({
    devices: [{ name: back.name, state: 'failed', reason: expect.stringContaining('rolled back: it ended 3 times') }],
  })
  const liar = await device('lies')
  const began = await Promise.race([
    call('update_agents', { devices: liar.name }),
    until(async () => {
      const [row] = await world.sql<{ phase: string; outcome: string | null }>(
        'select phase, outcome from rollout_devices where device_id = $1',
        [liar.id],
      )
      return row?.phase === 'checking' && row
    }, 30_000),
  ])
  expect(began).toEqual({ phase: 'checking', outcome: null })
})

it('stops before the next ring when too many of one failed, and leaves the others as they are', async () => {
  const bad = await Promise.all([device('rolls-back'), device('rolls-back')])
  const good = await Promise.all([device('updates'), device('updates'), device('updates')])
  const { text, data } = await confirmed('update_agents', {
    devices: [...bad, ...good].map(({ id }) => id),
    rings: [{ name: 'pilot', devices: [...bad, ...good.slice(0, 1)].map(({ id }) => id) }],
    min_success_percent: 90,
    soak_minutes: 0,
  })
  await reaches(data['operation'], 'stopped')
  expect((await stateOf(data['operation'])).reason).toContain('Stage "pilot"')
  expect(text).toContain('rest (2)')
  expect(good.slice(1).map(({ received }) => received.length)).toEqual([0, 0])
  const listed = await call('list_rollouts', {})
  expect(listed.text).toContain('stopped, pilot')
  const cancelled = await call('cancel_operation', { operation: data['operation'] })
  expect(cancelled.data).toMatchObject({ operation: data['operation'] })
})

it('names who can not take it, leaves alone who has it, and waits for who is away', async () => {
  const unable = await device('updates')
  unable.agent.send({
    type: 'inventory',
    sections: { capabilities: capabilities('agent.update') },
    hashes: { capabilities: 'unable' },
  })
  await until(async () => {
    const rows = await world.sql('select from device_sections where device_id = $1 and hash = $2', [
      unable.id,
      'unable',
    ])
    return rows.length > 0
  })
  expect(await refusal('update_agents', { devices: unable.name })).toMatchObject({
    code: 'unsupported',
    reason: expect.stringContaining('not supported there: agent.update'),
  })
  const old = await device('updates', '0.0.9')
  expect(await refusal('update_agents', { devices: old.name })).toMatchObject({
    reason: expect.stringContaining('9.0.0 needs at least 0.1.0'),
  })
  const has = await device('updates', '9.0.0')
  const away = await world.device(place, `AWAY-${made}`, { status: 'offline' })
  const devices = [unable, old, has].map(({ id }) => id)
  const { data } = await confirmed('update_agents', { devices: [...devices, away] })
  expect(data).toMatchObject({ total: 1, devices: [{ id: away, state: 'due' }] })
  expect([unable, old, has].flatMap(({ received }) => received)).toEqual([])
})

it('hands a build out to the device that was ordered to fetch it, and to nobody else', async () => {
  const releases = world.server.services.agentReleases
  const release = await releases.current()
  expect(release).toMatchObject({ version: '9.0.0', sha256, sizeBytes: readFileSync(BUNDLE).length })
  const one = await device('lies')
  const fetched = (digest: string, bearer?: string) =>
    fetch(`${world.server.url}/agent/v1/release/${digest}`, {
      headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
    })
  const ticket = releases.tickets.issue(one.id, sha256)
  const answer = await fetched(sha256, ticket)
  expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, readFileSync(BUNDLE)])
  const [, until_ = '', mac = ''] = ticket.split('.')
  for (const wrong of [
    undefined,
    'ticket',
    `${one.id}.${Number(until_) + 1}.${mac}`,
    releases.tickets.issue(one.id, '0'.repeat(64)),
  ])
    expect((await fetched(sha256, wrong)).status).toBe(401)
  expect((await fetched('0'.repeat(64), releases.tickets.issue(one.id, '0'.repeat(64)))).status).toBe(404)
  const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await fetched(sha256, ticket)).status))
  expect(statuses).toContain(429)
  // The order itself, with its ticket, does not lie open in the database.
  void invoke('update_agents', { devices: one.id })
  await until(() => one.received.length > 0)
  const rows = await world.sql<{ payload: string }>('select payload from device_commands where device_id = $1', [
    one.id,
  ])
  expect(rows.map(({ payload }) => commandPayload.safeParse(payload).success)).toEqual([false])
  expect(rows[0]?.payload).not.toContain(one.id)
})
