/** Rules that run a script: each round is an act of whoever made them, and asks for their rights again. */
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { forgetPassing } from '../../src/domains/commands/retention.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { until } from '../agents/fleet.ts'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'
import { type Answer, code, done, inPerson } from '../settings/answers.ts'
import { type AlertWorld, alertWorld } from './world.ts'

let w: AlertWorld
/** The server's clock: the engine reads rules every ten seconds. */
let ahead = 0
let partner: Caller

beforeAll(async () => {
  w = await alertWorld({ environment: { ...systemEnvironment, now: () => new Date(Date.now() + ahead) } })
  partner = await inPerson(w.h, await w.h.user('partner_admin'))
})
afterAll(() => w.h.stop())

const call = async (tool: string, input: unknown, caller = partner): Promise<Answer> =>
  done(await w.h.invoke(caller, tool, input))
const codeOf = async (input: unknown, caller = partner): Promise<string> =>
  code(await w.h.invoke(caller, 'manage_alert_rules', input))
const ruleNamed = async (text: string): Promise<Answer> => (await call('list_alert_rules', { text }))['rules'][0]

const CHECK = { action: 'create', name: 'Backup ran', severity: 'high', content: 'check-backup', interval_minutes: 5 }
const checks = () => w.h.server.services.scriptChecks
let at = Date.now()
/** One interval later. */
const round = (): Promise<void> => {
  at += 6 * 60_000
  return checks().tick(new Date(at))
}
const alertsOf = (device: string) =>
  w.h.sql<{ status: string; state: string; title: string; detail: Record<string, unknown> }>(
    `select status, state, title, detail from alerts where device_id = $1 and signal = 'script_check'`,
    [device],
  )
const verdictOf = async (device: string) =>
  (
    await w.h.sql<{ verdict: string | null; command_id: string | null; reason: string | null }>(
      'select verdict, command_id, reason from script_check_devices where device_id = $1',
      [device],
    )
  )[0]

it('runs on its devices, alarms with what was written, and ends with the rights of whoever made it', async () => {
  let exitCode = 3
  const device = await connectDevice(w.h, w.acme, 'CHECKED-1', {
    sections: { capabilities: capabilities() },
    answer: () =>
      exitCode === 0
        ? { state: 'succeeded', exitCode, output: 'all well\n' }
        : { state: 'failed', exitCode, output: `begun\nlast backup: never\u202e\n` },
  })
  const key = await w.h.key(await w.h.user('partner_admin'), ['ai:execute'])
  const maker = await w.h.caller(key, 'mcp')
  const input = { ...CHECK, organization: 'Acme', scope: { devices: device.id }, clear_after_seconds: 0 }
  const held = await w.h.invoke(maker, 'manage_script_checks', input)
  if (held.status !== 'held' || !held.hold.confirmation) throw new Error('it is held')
  expect(held.hold.plan).toMatchObject({ blast_radius: { devices: 1, names: ['Acme', 'CHECKED-1'] } })
  const confirmation = held.hold.confirmation.token
  const made = await call('manage_script_checks', { ...input, confirmation }, maker)
  expect(made['rule']).toMatchObject({ source: 'script_check', halted: null, condition: { interval_minutes: 5 } })
  // Elsewhere nothing of it can be let loose.
  const { id } = made['rule']
  for (const input of [{ severity: 'low', action: 'update' }, { action: 'enable' }])
    expect(await codeOf({ ...input, rule: id })).toBe('invalid_input')

  ahead += 11_000
  await w.h.server.alertEngine.tick()
  await until(async () => {
    await round()
    return device.received.length > 0
  })
  await until(async () => {
    await checks().tick(new Date(at))
    return (await alertsOf(device.id)).length > 0
  })
  const [alert] = await alertsOf(device.id)
  expect(alert).toMatchObject({ status: 'open', title: 'Check failed: Backup ran', detail: { exit_code: 3 } })
  expect(JSON.stringify(alert?.detail['device_text'])).toContain('last backup: never')
  expect(JSON.stringify(alert?.detail)).not.toContain('\u202e')

  // One at a time; with the next interval again.
  exitCode = 0
  const before = device.received.length
  await round()
  await round()
  await until(async () => {
    await checks().tick(new Date(at))
    return (await alertsOf(device.id))[0]?.status === 'resolved'
  })
  expect(device.received.length).toBeGreaterThan(before)

  exitCode = 4
  await until(async () => {
    await round()
    return (await alertsOf(device.id)).some(({ status }) => status === 'open')
  })
  await w.h.sql('update users set disabled_at = now() where id = $1', [key.userId])
  await until(async () => {
    await round()
    return (await ruleNamed('Backup ran'))['halted'] !== null
  })
  expect((await ruleNamed('Backup ran'))['halted']).toMatch(/was revoked, has expired, or its user was disabled/)
  await until(async () => (await alertsOf(device.id)).some(({ state }) => state === 'no_data'))
  await until(async () => {
    await checks().tick(new Date(at))
    return (await verdictOf(device.id))?.command_id === null
  })
  const sent = device.received.length
  await round()
  await round()
  expect(device.received.length).toBe(sent)
  const entries = await w.h.sql<{ body: string }>(
    `select body from audit_entries where tool = 'manage_script_checks' and organization_id = $1 order by seq`,
    [w.acme.id],
  )
  const told = entries.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
  expect(told.at(-1)).toMatchObject({ channel: 'schedule', decision: 'denied', code: 'unauthenticated' })
  expect(told.filter(({ kind, channel }) => kind === 'intent' && channel === 'schedule')).toHaveLength(sent)

  // What was sent goes a day after it has ended; what it said stays.
  expect(await forgetPassing(w.h.server.db, new Date(Date.now() + 23 * 3_600_000))).toBe(0)
  expect(await forgetPassing(w.h.server.db, new Date(Date.now() + 25 * 3_600_000))).toBe(sent)
  expect(await verdictOf(device.id)).toMatchObject({ verdict: 'fire' })
})

describe('a check whose maker', () => {
  let name = ''
  let made = 0
  let device: ReachDevice
  let key: Awaited<ReturnType<AlertWorld['h']['key']>>
  let maker: Caller
  /** A check that has run once. */
  beforeEach(async () => {
    made += 1
    name = `Check ${made}`
    device = await connectDevice(w.h, w.acme, `HELD-${made}`, {
      sections: { capabilities: capabilities() },
      answer: () => ({ state: 'succeeded', exitCode: 0, output: 'all well\n' }),
    })
    key = await w.h.key(await w.h.user('partner_admin'), [...ALL_SCOPES])
    maker = await w.h.caller(key, 'mcp')
  })
  const started = async (more: object = { content: 'true' }): Promise<void> => {
    const input = { ...CHECK, content: undefined, name, organization: 'Acme', scope: { devices: device.id }, ...more }
    const held = await w.h.invoke(maker, 'manage_script_checks', input)
    if (held.status !== 'held' || !held.hold.confirmation) throw new Error(JSON.stringify(held))
    await call('manage_script_checks', { ...input, confirmation: held.hold.confirmation.token }, maker)
    ahead += 11_000
    await w.h.server.alertEngine.tick()
    await runs()
  }
  const runs = async (): Promise<void> => {
    const before = device.received.length
    await until(async () => {
      await round()
      return device.received.length > before
    })
    await until(async () => {
      await checks().tick(new Date(at))
      return (await verdictOf(device.id))?.command_id === null
    })
  }
  const queued = async (): Promise<number> =>
    (await w.h.sql('select from device_commands where device_id = $1', [device.id])).length
  /** Two rounds that are due, and nothing goes out. */
  const sendsNothing = async (): Promise<void> => {
    const before = await queued()
    await round()
    await round()
    expect(await queued()).toBe(before)
  }
  const haltedBecause = async (): Promise<string | null> => (await ruleNamed(name))['halted']

  it('lost the key is halted, says so, and is taken up again only by somebody who may', async () => {
    await started()
    await call('delete_api_key', { key: maker.credential.id })
    await sendsNothing()
    expect(await haltedBecause()).toMatch(/was revoked, has expired, or its user was disabled/)
    const viewer = await w.caller('viewer', w.acme)
    const enable = { action: 'enable', rule: name }
    expect(code(await w.h.invoke(viewer, 'manage_script_checks', enable))).not.toBe('done')
    await sendsNothing()
    const held = await w.h.invoke(partner, 'manage_script_checks', enable)
    if (held.status !== 'held' || !held.hold.confirmation) throw new Error(JSON.stringify(held))
    await call('manage_script_checks', { ...enable, confirmation: held.hold.confirmation.token })
    expect(await haltedBecause()).toBeNull()
    ahead += 11_000
    await w.h.server.alertEngine.tick()
    await runs()
  })

  it('lost the right to run scripts is halted and names what is missing', async () => {
    await started()
    await w.h.sql(`update role_assignments set role_id = 'viewer' where user_id = $1`, [key.userId])
    await sendsNothing()
    expect(await haltedBecause()).toMatch(/scripts\.execute|permission|right/)
  })

  it('is under an emergency stop waits, says so, and goes on once it is lifted', async () => {
    await started()
    await w.h.sql(
      `insert into emergency_stops (id, partner_id, organization_id, reason, stopped_by)
       values (gen_random_uuid(), $1, $2, 'a drill', $3)`,
      [w.h.server.installation.partnerId, w.acme.id, w.h.server.installation.adminId],
    )
    await sendsNothing()
    expect(await verdictOf(device.id)).toMatchObject({ verdict: 'no_data', reason: 'an emergency stop is in force' })
    expect(await haltedBecause()).toBeNull()
    await w.h.sql('delete from emergency_stops')
    await runs()
    expect(await verdictOf(device.id)).toMatchObject({ verdict: 'clear' })
  })

  it('edits its script goes on with what was confirmed, and ends when the script is archived', async () => {
    const saved = { name: `Script ${made}`, language: 'bash', organization: w.acme.id }
    const { script } = await call('save_script', { ...saved, content: 'echo confirmed' }, maker)
    await started({ script })
    await call('save_script', { script, content: 'echo edited' }, maker)
    await runs()
    const sent = device.received.map((body) => body.type === 'script.run' && body.args.content)
    expect(new Set(sent)).toEqual(new Set(['echo confirmed']))
    await call('archive_script', { script }, maker)
    await sendsNothing()
    expect(await haltedBecause()).toBe(`The script "Script ${made}" was archived.`)
  })
})
