/** Scripts and device actions over many devices in stages: gates, resuming, secrets, and whose act they are. */
import { randomUUID } from 'node:crypto'
import type { CommandBody } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { callsOf } from '../reach/calls.ts'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'
import { stateOf } from '../trust/acts.ts'

const FLEET = 40
const SECRET = 'correct horse battery'

let world: Harness
let place: Organization
let technician: Caller
let devices: ReachDevice[]
/** Devices that end a script with an error. */
const failing = new Set<string>()
/** Devices that come back in another boot. */
const returning = new Set<string>()

beforeAll(async () => {
  world = await boot()
  place = await world.organization('Staged')
  await world.sql('update organizations set approval_limit = 100 where id = $1', [place.id])
  technician = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']), 'mcp')
  devices = await Promise.all(Array.from({ length: FLEET }, (_, n) => connected(`S-${String(n).padStart(2, '0')}`)))
})
afterAll(() => world.stop())

async function connected(name: string): Promise<ReachDevice> {
  const device = await connectDevice(world, place, name, {
    sections: { capabilities: capabilities() },
    answer: (body) => {
      if (body.type === 'script.run' && failing.has(name)) return { state: 'failed', exitCode: 3, output: 'no space' }
      if (body.type === 'power.reboot' && returning.has(name)) void comesBack(device)
      return body.type === 'script.run' ? { exitCode: 0, output: `done on ${name}` } : {}
    },
  })
  return device
}

async function comesBack({ id }: ReachDevice): Promise<void> {
  await until(
    async () =>
      (await world.sql(`select from device_commands where device_id = $1 and boot_before is not null`, [id])).length >
      0,
  )
  await world.server.services.commands.booted(id, randomUUID())
}

const { call, confirmed, invoke, refusal } = callsOf(
  new Proxy({} as Harness, { get: (_, name: keyof Harness) => world[name] }),
  () => technician,
)
const ids = (some: readonly ReachDevice[] = devices): string[] => some.map(({ id }) => id)
const sent = (type: CommandBody['type'], some: readonly ReachDevice[] = devices): number =>
  some.reduce((sum, { received }) => sum + received.filter((body) => body.type === type).length, 0)
const forget = (): void => devices.forEach(({ received }) => received.splice(0))
interface Told {
  state: string
  reason: string | null
  stages: { name: string; devices: number; succeeded: number; failed: number; state: string }[]
}
const rolloutOf = async (operation: string): Promise<Told> =>
  (await call('get_operation', { operation })).data['rollout'] as Told
const countsOf = async (operation: string) =>
  (await call('get_operation', { operation })).data['counts'] as Record<string, number>
const reaches = (operation: string, state: string): Promise<true> =>
  until(async () => (await rolloutOf(operation)).state === state)

describe('a script in stages', () => {
  const input = (more: object = {}) => ({
    devices: ids(),
    content: 'true',
    soak_minutes: 0,
    stages: [
      { name: 'canary', devices: ids(devices.slice(0, 1)) },
      { name: 'some', devices: ids(devices.slice(1, 11)) },
    ],
    ...more,
  })

  it('says its stages before it is confirmed, and that it has none where it has none', async () => {
    const held = await invoke('run_script', input({ soak_minutes: 30, min_success_percent: 80 }))
    expect(held).toMatchObject({
      status: 'held',
      hold: {
        plan: {
          summary: expect.stringContaining(
            'on 40 devices, for at most 300 seconds each, in 3 stages: canary 1 (S-00), then some 10, then rest 29; ' +
              'stops below 80 %, each next begins 30 minutes after the one before.',
          ),
        },
      },
    })
    const usual = await invoke('run_script', { devices: ids(), content: 'true', stages: [] })
    expect(usual).toMatchObject({ hold: { plan: { summary: expect.stringContaining('in 3 stages: canary 2 (') } } })
    const plain = await invoke('run_script', { devices: ids(), content: 'true' })
    expect(plain).toMatchObject({ hold: { plan: { summary: expect.stringContaining('on 40 devices all at once') } } })
    const token = held.status === 'held' ? held.hold.confirmation?.token : undefined
    expect(await refusal('run_script', { ...input(), confirmation: token })).toMatchObject({
      code: 'confirmation_invalid',
    })
  })

  it('stops at its gate, goes on when somebody resumes it, and all of it is one run', async () => {
    forget()
    for (const { name } of devices.slice(1, 4)) failing.add(name)
    const { data, text } = await confirmed('run_script', input())
    const operation = String(data['operation'])
    const run = String(data['run'])
    expect(text).toContain(`get_script_results, run ${run}`)
    await reaches(operation, 'stopped')
    const stopped = await rolloutOf(operation)
    expect(stopped.reason).toMatch(/^Stage "some": \d+ of \d+ devices failed; at least 90 % must succeed.$/)
    await until(() => sent('script.run') === 11)
    expect(stopped.stages.map(({ name, devices: many, state }) => [name, many, state])).toEqual([
      ['canary', 1, 'done'],
      ['some', 10, expect.any(String)],
      ['rest', 29, 'waiting'],
    ])
    await until(async () => (await rolloutOf(operation)).stages[1]?.succeeded === 7)
    expect((await rolloutOf(operation)).stages[1]).toMatchObject({ succeeded: 7, failed: 3 })
    expect(sent('script.run', devices.slice(11))).toBe(0)
    const failed = await call('get_operation', { operation })
    expect(failed.data.devices[0]).toMatchObject({ state: 'failed', reason: 'exit code 3' })
    const results = await call('get_script_results', { run })
    expect(results.data).toMatchObject({
      state: 'stopped',
      total: 40,
      counts: { succeeded: 8, failed: 3, waiting: 29 },
    })
    expect((await call('list_rollouts', {})).data['rollouts']).toMatchObject([
      { operation, kind: 'scripts', stage: 'some' },
    ])

    failing.clear()
    await confirmed('control_rollout', { operation, action: 'resume' })
    await reaches(operation, 'finished')
    expect(await stateOf(world, operation)).toBe('succeeded')
    expect(sent('script.run')).toBe(43)
    expect(
      (await call('get_script_results', { run: operation, state: 'succeeded', limit: 200 })).data.devices,
    ).toHaveLength(40)
  })

  it('goes on as an act whose gates are those of the tool that began it', async () => {
    failing.add('S-00')
    const { data } = await confirmed('run_script', input())
    const operation = String(data['operation'])
    await reaches(operation, 'stopped')
    failing.clear()
    const [reader, other] = await Promise.all([
      world.user('partner_admin').then((user) => world.key(user, ['operations.execute'])),
      world
        .user('technician', (await world.organization('Elsewhere')).id)
        .then((user) => world.key(user, ['ai:execute'])),
    ])
    const asked = { operation, action: 'resume', dry_run: true }
    expect(await world.invoke(await world.caller(reader, 'mcp'), 'control_rollout', asked)).toMatchObject({
      denial: { code: 'insufficient_scope' },
    })
    expect(await world.invoke(await world.caller(other, 'mcp'), 'control_rollout', asked)).toMatchObject({
      denial: { code: 'not_found' },
    })
    await call('cancel_operation', { operation })
    await until(async () => (await stateOf(world, operation)) === 'failed')
  })

  it('keeps its secrets sealed between the stages, and none once it has ended', async () => {
    forget()
    failing.add('S-00')
    const { data } = await confirmed('run_script', input({ secrets: { pin: SECRET } }))
    const operation = String(data['operation'])
    await reaches(operation, 'stopped')
    const rows = () =>
      world.sql<{ sealed: string | null; whole: string }>(
        `select encode(s.sealed_secrets, 'escape') as sealed, s::text || r::text as whole from script_runs s join rollouts r using (operation_id)
         where s.operation_id = $1`,
        [operation],
      )
    const [kept] = await rows()
    expect(kept?.sealed?.length).toBeGreaterThan(40)
    expect(`${kept?.whole}${kept?.sealed}`).not.toContain(SECRET)
    failing.clear()
    await confirmed('control_rollout', { operation, action: 'resume' })
    await reaches(operation, 'finished')
    const last = devices[39]?.received.at(-1)
    expect(last).toMatchObject({ args: { environment: { PARAM_PIN: SECRET }, secrets: ['PARAM_PIN'] } })
    expect((await rows())[0]?.sealed).toBeNull()
    const payloads = await world.sql<{ payload: string }>(
      'select payload from device_commands where operation_id = $1',
      [operation],
    )
    expect(new Set(payloads.map(({ payload }) => payload))).toEqual(new Set(['']))
  })
})

describe('device actions in stages', () => {
  const canary = () => [{ name: 'canary', devices: ids(devices.slice(0, 1)) }]

  it('count a restart when the device is back, and audit each stage as the action that it is', async () => {
    forget()
    const input = { action: 'reboot', devices: ids(devices.slice(0, 3)), stages: canary(), soak_minutes: 0 }
    const held = await invoke('device_actions', input)
    expect(held).toMatchObject({
      hold: {
        plan: { summary: expect.stringMatching(/^Reboot 3 devices, in 2 stages: canary 1 \(S-00\), then rest 2;/) },
      },
    })
    const token = held.status === 'held' ? held.hold.confirmation?.token : undefined
    const controller = new AbortController()
    const begun = world.server.door.invoke(
      technician,
      'device_actions',
      { ...input, confirmation: token },
      { surface: 'mcp', signal: controller.signal },
    )
    await until(() => sent('power.reboot') === 1)
    const operation = held.status === 'held' ? held.hold.operation : ''
    await until(async () => (await countsOf(operation))['returning'] === 1)
    expect(sent('power.reboot')).toBe(1)
    controller.abort()
    await begun
    for (const { name } of devices.slice(0, 3)) returning.add(name)
    for (const device of devices.slice(0, 1)) await comesBack(device)
    await reaches(operation, 'finished')
    expect(await stateOf(world, operation)).toBe('succeeded')
    const entries = await world.sql<{ body: string }>(
      `select body from audit_entries where tool = 'device_actions' and organization_id = $1 and body like '%"schedule"%' order by seq`,
      [place.id],
    )
    for (const { body } of entries) expect(JSON.parse(body)).toMatchObject({ action: 'reboot', tier: 3 })
    expect(entries.length).toBe(4)
  })

  it('pass over what is not back in reach within the time that the action waits', async () => {
    const [first, away] = devices.slice(20, 22)
    if (!first || !away) throw new Error('there are forty')
    await away.agent.disconnect()
    await world.sql(`update devices set status = 'offline' where id = $1`, [away.id])
    const stages = [{ devices: ids([first]) }]
    const { data } = await call('device_actions', {
      action: 'lock',
      devices: ids([first, away]),
      stages,
      soak_minutes: 0,
    })
    const operation = String(data['operation'])
    expect(data.counts).toEqual({ due: 1, succeeded: 1 })
    await world.sql('update rollouts set patience_until = now() where operation_id = $1', [operation])
    await reaches(operation, 'finished')
    expect((await call('get_operation', { operation })).data).toMatchObject({
      counts: { succeeded: 1, passed_over: 1 },
      state: 'partial',
    })
    expect(await refusal('device_actions', { action: 'wake', devices: first.id, stages: [] })).toMatchObject({
      code: 'invalid_input',
    })
  })
})

describe('rolling back', () => {
  const two = () => devices.slice(0, 2)
  const canary = () => [{ devices: ids(devices.slice(0, 1)) }]
  const save = async (name: string, content: string, more: object = {}) =>
    String((await confirmed('save_script', { name, language: 'bash', content, ...more })).data['script'])
  const contents = (device: ReachDevice) =>
    device.received.flatMap((body) => (body.type === 'script.run' ? [body.args.content] : []))

  it('runs the undo script as it was when the run was confirmed, with its values, once where it succeeded', async () => {
    forget()
    const parameters = [
      { name: 'days', type: 'number' },
      { name: 'pin', type: 'secret' },
    ]
    const undo = await save('Take away', 'rm it', { parameters })
    const script = await save('Put there', 'touch it', {
      parameters: [...parameters, { name: 'more', type: 'string' }],
      undo,
    })
    const input = {
      script,
      devices: ids(),
      parameters: { days: 3, more: 'x' },
      secrets: { pin: SECRET },
      soak_minutes: 0,
      stages: [{ devices: ids(two()) }],
      min_success_percent: 60,
    }
    failing.add('S-01')
    const held = await invoke('run_script', input)
    expect(held).toMatchObject({
      hold: { plan: { irreversible: ['Undone is only what the script "Take away" (version 1) undoes.'] } },
    })
    const { data } = await confirmed('run_script', input)
    const operation = String(data['operation'])
    await reaches(operation, 'stopped')
    await until(async () => (await rolloutOf(operation)).stages[0]?.succeeded === 1)
    await confirmed('save_script', { script: undo, content: 'rm everything' })

    const asked = { operation, action: 'roll_back' }
    expect(await refusal('control_rollout', asked)).toMatchObject({
      reason: 'secrets: give pin again; they are not kept.',
    })
    const rolling = { ...asked, secrets: { pin: SECRET } }
    const planned = await call('control_rollout', { ...rolling, dry_run: true })
    expect(planned.text).toContain(
      'run the script "Take away" (version 1, bash), with days=3, pin=[masked] on 1 device where it succeeded. The rollout ends: 38 devices',
    )
    const outcomes = await Promise.all([1, 2, 3].map(() => invoke('control_rollout', rolling)))
    expect(outcomes.filter(({ status }) => status === 'done')).toHaveLength(1)
    const undone = outcomes.flatMap((outcome) => (outcome.status === 'done' ? [outcome.data] : []))[0]
    const by = String(undone?.['operation'])
    await reaches(by, 'finished')
    expect(await stateOf(world, by)).toBe('succeeded')
    expect(devices.map(contents)).toEqual([['touch it', 'rm it'], ['touch it'], ...devices.slice(2).map(() => [])])
    expect(devices[0]?.received.at(-1)).toMatchObject({ args: { environment: { PARAM_DAYS: '3', PARAM_PIN: SECRET } } })
    expect(await rolloutOf(operation)).toMatchObject({ state: 'cancelled', rolled_back_by: by })
    expect(await rolloutOf(by)).toMatchObject({ undoes: operation })
    expect((await call('get_script_results', { run: by })).data).toMatchObject({ counts: { succeeded: 1 } })
    expect(await refusal('control_rollout', rolling)).toMatchObject({
      reason: 'Nothing is left of it to be taken back.',
    })
    expect(await refusal('control_rollout', { operation, action: 'resume' })).toMatchObject({ code: 'conflict' })
    const told = await world.sql<{ body: string }>(
      `select body from audit_entries where tool in ('control_rollout', 'run_script') and body like '%' || $1 || '%'`,
      [by],
    )
    expect(told.map(({ body }) => (JSON.parse(body) as { tool: string }).tool)).toContain('run_script')
    expect(told.map(({ body }) => body).join()).not.toContain(SECRET)
    failing.clear()
  })

  it('releases what was isolated, and says of what has no inverse that it has none', async () => {
    forget()
    const staged = { devices: ids(two()), stages: canary(), soak_minutes: 0 }
    const { data } = await confirmed('device_actions', { ...staged, action: 'isolate' })
    const operation = String(data['operation'])
    await reaches(operation, 'finished')
    const { data: back } = await confirmed('control_rollout', { operation, action: 'roll_back' })
    await reaches(String(back['operation']), 'finished')
    expect(two().map(({ received }) => received.map(({ type }) => type))).toEqual([
      ['network.isolate', 'network.release'],
      ['network.isolate', 'network.release'],
    ])
    expect(await refusal('control_rollout', { operation: back['operation'], action: 'roll_back' })).toMatchObject({
      code: 'conflict',
    })
    const locked = await call('device_actions', { ...staged, action: 'lock' })
    const plain = await confirmed('run_script', { ...staged, content: 'true' })
    for (const { data: of } of [locked, plain]) {
      await reaches(String(of['operation']), 'finished')
      expect(await refusal('control_rollout', { operation: of['operation'], action: 'roll_back' })).toMatchObject({
        code: 'unsupported',
      })
    }
  })

  it('waits until nothing is at work any more, and is no act of somebody who may not run scripts there', async () => {
    const { data } = await confirmed('device_actions', { action: 'isolate', devices: ids(two()), stages: canary() })
    const operation = String(data['operation'])
    const asked = { operation, action: 'roll_back', dry_run: true }
    expect(await refusal('control_rollout', asked)).toMatchObject({
      code: 'conflict',
      remedy: 'Pause or cancel it first.',
    })
    await call('control_rollout', { operation, action: 'pause' })
    const key = await world.key(await world.user('partner_admin'), ['operations.execute'])
    expect(await world.invoke(await world.caller(key, 'mcp'), 'control_rollout', asked)).toMatchObject({
      denial: { code: 'insufficient_scope' },
    })
    expect((await call('control_rollout', asked)).text).toContain('release on 1 device where it succeeded')
    await call('cancel_operation', { operation })
  })
})
