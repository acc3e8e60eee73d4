import type { CommandBody, CommandOutcome } from '@breeze/contract/agent-commands'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { callsOf } from './calls.ts'
import { capabilities, connectDevice, type ReachDevice } from './devices.ts'

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
