import type { CommandBody, CommandOutcome } from '@breeze/contract/agent-commands'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { callsOf } from './calls.ts'
import { type Answer, capabilities, connectDevice, type ReachDevice } from './devices.ts'

let world: Harness
let place: Organization
let technician: Caller
let made = 0
let calls: ReturnType<typeof callsOf>
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  calls = callsOf(world, () => technician)
})
afterAll(() => world.stop())
/** Each test has an organization of its own. */
beforeEach(async () => {
  made += 1
  place = await world.organization(`Reach ${made}`)
  technician = await world.caller(await world.key(await world.user('partner_admin'), [...ALL_SCOPES]))
})

const echo = (body: CommandBody): Partial<CommandOutcome> | null =>
  body.type === 'script.run' ? { exitCode: 0, output: `${body.args.content}\n`, outputBytes: 5 } : {}

describe('a device that can not do what is asked', () => {
  let able: ReachDevice
  let unable: ReachDevice
  beforeEach(async () => {
    able = await connectDevice(world, place, `able-${made}`, {
      sections: { capabilities: capabilities() },
      answer: echo,
    })
    unable = await connectDevice(world, place, `unable-${made}`, {
      sections: { capabilities: capabilities('device.lock', 'script.python') },
      answer: echo,
    })
  })

  it('is refused before anything is queued, and before anybody is asked to confirm', async () => {
    for (const more of [{}, { dry_run: true }]) {
      const input = { action: 'lock', devices: unable.id, ...more }
      expect(await calls.refusal('device_actions', input)).toMatchObject({
        status: 'refused',
        code: 'unsupported',
        reason: expect.stringMatching(new RegExp(`unable-${made}: not supported there: device\\.lock`)),
        remedy: expect.stringContaining('get_device_details'),
      })
    }
    const preview = { tool: 'device_actions', input: { action: 'lock', devices: [unable.id] } }
    expect(await calls.refusal('preview_action', preview)).toMatchObject({ code: 'unsupported' })
    expect(await calls.commands(unable.id)).toBe(0)
  })

  it('stands beside those that can, as rejected and without a command', async () => {
    const input = { devices: [able.id, unable.id], language: 'python', content: 'print(1)' }
    const plan = await calls.call('run_script', { ...input, dry_run: true })
    expect(plan.text).toContain(`unable-${made}: not supported there: script.python`)
    const { data, text } = await calls.confirmed('run_script', input)
    expect(data).toMatchObject({ state: 'partial', total: 2, counts: { succeeded: 1, rejected: 1 } })
    expect(data.devices).toContainEqual(expect.objectContaining({ id: able.id, state: 'succeeded', exit_code: 0 }))
    expect(data.devices).toContainEqual({
      id: unable.id,
      name: `unable-${made}`,
      state: 'rejected',
      reason: 'not supported there: script.python',
    })
    expect(text).toContain(`unable-${made}: rejected (not supported there: script.python)`)
    expect([await calls.commands(able.id), await calls.commands(unable.id)]).toEqual([1, 0])
    // And so it stays when it is asked for later, once the server has closed the operation.
    const closed = await until(async () => {
      const [row] = await world.sql<{ state: string }>('select state from operations where id = $1', [
        data['operation'],
      ])
      return row?.state !== 'running' && row?.state
    })
    expect(closed).toBe('partial')
    const later = await calls.call('get_operation', { operation: data['operation'] })
    expect(later.data).toMatchObject({ state: 'partial', total: 2, counts: { succeeded: 1, rejected: 1 } })
    expect(later.data.devices).toContainEqual(expect.objectContaining({ id: unable.id, state: 'rejected' }))
    const results = await calls.call('get_script_results', { run: data['run'] })
    expect(results.data).toMatchObject({ state: 'partial', total: 2, counts: { succeeded: 1, rejected: 1 } })
  })
})

describe('a device that is offline', () => {
  it('is told in the plan until when a command would wait, and queues it until then', async () => {
    const id = await world.device(place, `sleeper-${made}`)
    const input = { devices: id, content: 'true', expires_in_minutes: 60 }
    const plan = await calls.call('run_script', { ...input, dry_run: true })
    expect(plan.text).toMatch(
      new RegExp(`sleeper-${made}: offline: it would wait until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC`),
    )
    const { data, text } = await calls.call('run_script', input)
    expect(data).toMatchObject({ state: 'queued', counts: { queued: 1 } })
    const [device] = data.devices
    const waits = Date.parse(String(device?.['expires_at'])) - Date.now()
    expect(waits).toBeGreaterThan(59 * 60_000)
    expect(waits).toBeLessThan(61 * 60_000)
    expect(text).toContain(`run ${String(data['run'])}`)
  })

  it.each([
    ['device_files', { action: 'read', path: '/etc/hostname' }],
    ['device_files', { action: 'list', path: '/etc' }],
    ['execute_command', { preset: 'processes' }],
  ])('is not asked by %s for what is of no use later: %j', async (tool, more) => {
    const id = await world.device(place, `sleeper-${made}`)
    const plan = await calls.call(tool, { device: id, ...more, dry_run: true })
    expect(plan.text).toContain("offline: it can't be asked now")
    const refused = await calls.refusal(tool, { device: id, ...more })
    expect(refused).toMatchObject({ code: 'conflict', reason: expect.stringContaining("can't be asked now") })
    expect(await calls.commands(id)).toBe(0)
    const open = await world.sql(`select from operations where target_ids = array[$1::uuid] and state = 'running'`, [
      id,
    ])
    expect(open).toEqual([])
  })

  it('answers get_event_logs at once, with nothing sent', async () => {
    const id = await world.device(place, `sleeper-${made}`)
    const { data, text } = await calls.call('get_event_logs', { device: id })
    expect(data).toMatchObject({ state: 'offline', entries: [], more: false })
    expect(text).toContain(`sleeper-${made}: the system log was not read (offline`)
    expect(await calls.commands(id)).toBe(0)
    expect(await world.sql('select from operations where target_ids = array[$1::uuid]', [id])).toEqual([])
  })
})

it('sends nothing to a device that waits for approval', async () => {
  const id = await world.device(place, `new-${made}`)
  await world.sql(`update devices set conditions = '{awaiting_approval}' where id = $1`, [id])
  for (const [tool, more] of [
    ['execute_command', { command: 'true' }],
    ['get_event_logs', {}],
    ['manage_services', { action: 'start', service: 'cron' }],
  ] as const)
    expect([tool, await calls.refusal(tool, { device: id, ...more })]).toMatchObject([tool, { code: 'conflict' }])
  expect(await calls.commands(id)).toBe(0)
})

describe('a script of the library', () => {
  const save = async (more: object = {}) => {
    const script = { name: `Clean ${made}`, language: 'bash', content: 'echo "$PARAM_DAYS"', organization: place.id }
    return (await calls.call('save_script', { ...script, ...more })).data
  }
  const device = (name: string, answer: Answer = echo) =>
    connectDevice(world, place, `${name}-${made}`, { sections: { capabilities: capabilities() }, answer })

  it('has versions that never change, and what waits for a confirmation of an older one is refused', async () => {
    const { script } = await save()
    expect(
      await calls.refusal('save_script', {
        name: `CLEAN ${made}`,
        language: 'sh',
        content: 'x',
        organization: place.id,
      }),
    ).toMatchObject({ code: 'conflict' })
    const second = { script, content: 'echo 2', note: 'shorter', based_on: 1 }
    const runOn = { devices: [await world.device(place, `a-${made}`), await world.device(place, `b-${made}`)], script }
    const held = await calls.invoke('run_script', runOn)
    if (held.status !== 'held') throw new Error(JSON.stringify(held))
    expect(held.hold.plan.summary).toContain(`the script "Clean ${made}" (version 1, bash) on 2 devices`)
    expect((await calls.call('save_script', second)).data).toMatchObject({ version: 2 })
    expect(await calls.refusal('save_script', second)).toMatchObject({
      code: 'conflict',
      reason: expect.stringContaining('Version 2'),
    })
    const late = await calls.refusal('run_script', { ...runOn, confirmation: held.hold.confirmation?.token })
    expect(late).toMatchObject({ code: 'confirmation_invalid' })
    expect(await calls.commands(...runOn.devices)).toBe(0)
    // What changes nothing makes no version.
    expect(
      (await calls.call('save_script', { script, description: 'tidies up', content: 'echo 2' })).data,
    ).toMatchObject({ version: 2 })
    const { data } = await calls.call('list_scripts', { script: `clean ${made}`, version: 1 })
    expect(data).toMatchObject({
      content: 'echo "$PARAM_DAYS"',
      versions: [{ version: 2, note: 'shorter' }, { version: 1 }],
      runs: [],
    })
    const [granted] = await world.sql(
      `select has_any_column_privilege('breeze_app', 'script_versions', 'update') as update, has_table_privilege('breeze_app', 'script_versions', 'delete') as delete`,
    )
    expect(granted).toEqual({ update: false, delete: false })
    await calls.call('archive_script', { script })
    expect(await calls.refusal('run_script', runOn)).toMatchObject({ code: 'conflict' })
    expect((await calls.call('list_scripts', { text: `clean ${made}` })).data).toMatchObject({ total: 0 })
    await calls.call('archive_script', { script, archived: false })
    expect((await calls.call('list_scripts', { text: `clean ${made}` })).data).toMatchObject({ total: 1 })
  })

  it('gets its parameters as variables; a secret is written down nowhere and lies sealed only while it waits', async () => {
    const parameters = [
      { name: 'days', type: 'number', default: 7 },
      { name: 'pin', type: 'secret', required: true },
    ]
    const { script } = await save({ parameters })
    const [secret, here] = ['q7-do-not-tell', await device('here')]
    const away = await world.device(place, `away-${made}`)
    expect(await calls.refusal('run_script', { script, devices: here.id, parameters: { pin: secret } })).toMatchObject({
      code: 'invalid_input',
    })
    const { data } = await calls.confirmed('run_script', { script, devices: [here.id, away], secrets: { pin: secret } })
    expect(data).toMatchObject({ counts: { succeeded: 1, queued: 1 } })
    expect(here.received).toMatchObject([
      { args: { environment: { PARAM_DAYS: '7', PARAM_PIN: secret }, secrets: ['PARAM_PIN'] } },
    ])
    const payloads = await world.sql<{ device_id: string; payload: string }>(
      'select device_id, payload from device_commands where operation_id = $1',
      [data['operation']],
    )
    const payloadOf = (id: string) => payloads.find((row) => row.device_id === id)?.payload
    expect(payloadOf(here.id)).toBe('')
    expect(payloadOf(away)?.length).toBeGreaterThan(100)
    const written = await world.sql<{
      all: string
    }>(`select concat_ws(' ', (select string_agg(o::text, ' ') from operations o),
      (select string_agg(c::text, ' ') from device_commands c), (select string_agg(r::text, ' ') from script_runs r),
      (select string_agg(e::text, ' ') from audit_entries e)) as all`)
    expect(written[0]?.all).not.toContain(secret)
    expect(written[0]?.all).toContain('[masked]')
    const find = async (text: string) =>
      (await calls.call('get_script_results', { run: data['run'], text })).data.devices
    expect(await find('param_days')).toMatchObject([{ id: here.id, output: expect.stringContaining('PARAM_DAYS') }])
    expect(await find('not there')).toEqual([])
    await calls.call('cancel_operation', { operation: data['operation'] })
    expect(
      await world.sql('select from device_commands where operation_id = $1 and payload <> $2', [data['operation'], '']),
    ).toEqual([])
  })

  it('goes out to a few at once where it is asked to, and again to those where it failed', async () => {
    const going: ((exitCode: number) => void)[] = []
    const connect = async (name: string): Promise<ReachDevice> => {
      const made: ReachDevice = await connectDevice(world, place, name, {
        answer: (_, commandId) => {
          going.push((exitCode) => {
            const state = exitCode === 0 ? ('succeeded' as const) : ('failed' as const)
            made.agent.send({ type: 'result', commandId, outcome: { state, exitCode } })
          })
          return null
        },
      })
      return made
    }
    const three = await Promise.all(['a', 'b', 'c'].map((name) => connect(`${name}-${made}`)))
    const running = calls.confirmed('run_script', {
      devices: three.map(({ id }) => id),
      content: 'echo 1',
      concurrency: 2,
    })
    await until(() => going.length === 2)
    const [operation] = await world.sql<{ id: string }>(
      'select operation_id as id from device_commands where device_id = $1',
      [three[0]?.id],
    )
    expect((await calls.call('get_operation', { operation: operation?.id })).data).toMatchObject({
      counts: { queued: 1, delivered: 2 },
      waiting: expect.arrayContaining([expect.objectContaining({ for: 'room', commands: 1 })]),
    })
    going[0]?.(1)
    await until(() => going.length === 3)
    going[1]?.(0)
    going[2]?.(0)
    const { data } = await running
    expect(data).toMatchObject({ state: 'partial', counts: { succeeded: 2, failed: 1 } })
    const retry = calls.call('run_script', { retry_of: data['run'] })
    await until(() => going.length === 4)
    going[3]?.(0)
    expect((await retry).data).toMatchObject({ state: 'succeeded', total: 1 })
    expect(await calls.refusal('run_script', { retry_of: (await retry).data['run'] })).toMatchObject({
      code: 'conflict',
    })
  })

  it('does not wait for a place that a device took away with it', async () => {
    const silent = () => null
    const [first, second] = await Promise.all([device('first', silent), device('second', silent)])
    const devices = [first.id, second.id]
    const running = calls.confirmed('run_script', { devices, content: 'sleep 9', concurrency: 1 })
    const [taker, other] = await until(() => {
      if (first.received.length > 0) return [first, second] as const
      return second.received.length > 0 && ([second, first] as const)
    })
    await taker.agent.disconnect()
    await world.sql(`update devices set status = 'offline' where id = $1`, [taker.id])
    await world.server.services.commands.sweep()
    expect(other.received).toEqual([])
    await world.sql(`update device_commands set delivered_at = now() - interval '6 minutes' where device_id = $1`, [
      taker.id,
    ])
    await world.server.services.commands.sweep()
    await until(() => other.received.length === 1)
    const [row] = await world.sql<{ id: string }>(
      'select operation_id as id from device_commands where device_id = $1',
      [other.id],
    )
    await world.sql(`update device_commands set state = 'cancelled', finished_at = now() where operation_id = $1`, [
      row?.id,
    ])
    world.server.events.publish(`operation:${row?.id}`)
    await running
  })

  it('is for its own organization and systems, and who edits for all is of the partner', async () => {
    const { script } = await save({ os: ['windows'] })
    const here = await world.device(place, `here-${made}`)
    expect(await calls.refusal('run_script', { script, devices: here })).toMatchObject({
      code: 'unsupported',
      reason: expect.stringContaining('is for windows'),
    })
    const other = await world.organization(`Other ${made}`)
    technician = await world.caller(await world.key(await world.user('partner_admin'), [...ALL_SCOPES]))
    await calls.call('save_script', { script, os: [] })
    const there = await world.device(other, `there-${made}`)
    expect(await calls.refusal('run_script', { script, devices: there })).toMatchObject({
      code: 'unsupported',
      reason: expect.stringContaining('belongs to'),
    })
    const forAll = await calls.confirmed('save_script', { name: `All ${made}`, language: 'sh', content: 'id' })
    technician = await world.caller(
      await world.key(await world.user('technician', other.id), [...ALL_SCOPES], { organizations: [other.id] }),
    )
    expect((await calls.call('list_scripts', { text: ` ${made}` })).data['scripts']).toMatchObject([
      { name: `All ${made}`, organization: null },
    ])
    expect(await calls.refusal('save_script', { script: forAll.data['script'], content: 'true' })).toMatchObject({
      code: 'forbidden',
    })
    expect(await calls.refusal('save_script', { script, content: 'true' })).toMatchObject({ code: 'not_found' })
  })
})
