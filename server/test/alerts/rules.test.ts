/** What raises alerts, as people see and change it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetPassing } from '../../src/domains/commands/retention.ts'
import { readRules } from '../../src/domains/alerts/rule-rows.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { until } from '../agents/fleet.ts'
import { capabilities, connectDevice } from '../reach/devices.ts'
import { type Answer, code, denial, done, inPerson } from '../settings/answers.ts'
import { type AlertWorld, alertWorld } from './world.ts'

let w: AlertWorld
/** The server's clock: the engine reads rules every ten seconds. */
let ahead = 0
let partner: Caller
let admin: Caller

beforeAll(async () => {
  w = await alertWorld({ environment: { ...systemEnvironment, now: () => new Date(Date.now() + ahead) } })
  partner = await inPerson(w.h, await w.h.user('partner_admin'))
  admin = await inPerson(w.h, await w.h.user('organization_admin', w.acme.id))
})
afterAll(() => w.h.stop())

const call = async (tool: string, input: unknown, caller = partner): Promise<Answer> =>
  done(await w.h.invoke(caller, tool, input))
const codeOf = async (input: unknown, caller = partner): Promise<string> =>
  code(await w.h.invoke(caller, 'manage_alert_rules', input))
const manage = (input: unknown, caller = partner) => call('manage_alert_rules', input, caller)
const ruleNamed = async (text: string): Promise<Answer> => (await call('list_alert_rules', { text }))['rules'][0]

const DISK = { metric: 'disk', levels: [{ severity: 'high', fire: 90, clear: 87 }] }
const OWN = { action: 'create', name: 'Acme disks', source: 'metric', severity: 'high', condition: DISK }

describe('list_alert_rules', () => {
  it('tells the rules that come with Breeze, with their conditions, page by page', async () => {
    const all = await call('list_alert_rules', { limit: 200 })
    expect(all['total']).toBeGreaterThan(10)
    expect(all['rules'].every((rule: Answer) => rule['default_rule'] !== null && rule['organization'] === null)).toBe(
      true,
    )
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await call('list_alert_rules', { limit: 5, ...(cursor && { cursor }) })
      seen.push(...page['rules'].map((rule: Answer) => rule['id']))
      cursor = page['next_cursor']
    } while (cursor)
    expect(seen).toEqual(all['rules'].map((rule: Answer) => rule['id']))
    const metrics = await call('list_alert_rules', { source: 'metric' })
    expect(metrics['rules'].map((rule: Answer) => rule['source'])).toEqual(Array(metrics['total']).fill('metric'))
  })

  it('shows an organization its own rules only', async () => {
    await manage({ ...OWN, name: 'Globex disks', organization: 'Globex' })
    await manage({ ...OWN, organization: 'Acme' }, admin)
    const own = await call('list_alert_rules', {}, admin)
    expect(own['rules'].map((rule: Answer) => rule['name'])).toEqual(['Acme disks'])
    expect(code(await w.h.invoke(admin, 'list_alert_rules', { organization: 'Globex' }))).toBe('not_found')
    const technician = await inPerson(w.h, await w.h.user('technician', w.acme.id))
    expect((await call('list_alert_rules', {}, technician))['total']).toBe(1)
    expect(await codeOf({ action: 'disable', rule: 'Acme disks' }, technician)).toBe('forbidden')
  })
})

describe('manage_alert_rules', () => {
  it('makes, changes, switches and deletes a rule that the engine understands', async () => {
    // Both organizations have a site of that name.
    expect(await codeOf({ ...OWN, name: 'Server disks', scope: { sites: 'Main Office' } })).toBe('ambiguous')
    const made = await manage({
      ...OWN,
      name: 'Server disks',
      scope: { sites: w.acme.siteId, devices: 'ACME-DC-01', roles: ['server'] },
      fire_after_seconds: 600,
    })
    expect(made).toMatchObject({
      state: 'created',
      rule: {
        organization: null,
        scope: { sites: [w.acme.siteId], devices: [w.devices['ACME-DC-01']], roles: ['server'] },
        condition: DISK,
        fire_after_seconds: 600,
        clear_after_seconds: 300,
        enabled: true,
        default_rule: null,
      },
    })
    const of = { rule: 'server disks' }
    expect(await manage({ action: 'update', ...of, severity: 'low', notify: false })).toMatchObject({
      rule: { severity: 'low', notify: false, condition: DISK },
    })
    expect(await manage({ action: 'disable', ...of })).toMatchObject({ rule: { enabled: false } })
    const enabled = async () =>
      (await w.h.server.db.worker((tx) => readRules(tx, (_, error) => expect.fail(String(error))))).map(
        ({ name }) => name,
      )
    expect(await enabled()).not.toContain('Server disks')
    await manage({ action: 'enable', ...of })
    expect(await enabled()).toContain('Server disks')
    const [row] = await w.h.sql(`select version, updated_by from alert_rules where name = 'Server disks'`)
    expect(row).toEqual({ version: 4, updated_by: partner.user.id })
    expect(await manage({ action: 'delete', ...of })).toMatchObject({ state: 'deleted' })
    expect(await codeOf({ action: 'delete', ...of })).toBe('not_found')
  })

  it('restores a rule that comes with Breeze, changed or deleted', async () => {
    const { rules } = await call('list_alert_rules', { source: 'clock_skewed' })
    const [before] = rules
    await manage({ action: 'update', rule: before.id, name: 'Clocks', condition: { seconds: 60 } })
    expect(await ruleNamed('Clocks')).toMatchObject({ condition: { seconds: 60 } })
    expect(await manage({ action: 'restore', rule: 'Clocks' })).toMatchObject({ state: 'restored', rule: before })
    await manage({ action: 'delete', rule: before.id })
    const { rule } = await manage({ action: 'restore', rule: before.default_rule })
    expect({ ...rule, id: before.id }).toEqual(before)
    expect(await codeOf({ action: 'restore', rule: 'Acme disks' })).toBe('not_found')
    expect(await codeOf({ action: 'restore', rule: before.default_rule }, admin)).toBe('forbidden')
  })

  it('names what is wrong with a condition, and what it may have', async () => {
    const refused = denial(
      await w.h.invoke(partner, 'manage_alert_rules', {
        ...OWN,
        name: 'x',
        condition: { metric: 'disk', levels: [{ severity: 'high', fire: 80, clear: 90 }] },
      }),
    )
    expect(refused).toMatchObject({
      code: 'invalid_input',
      reason: expect.stringContaining('clear must not be above fire'),
      remedy: expect.stringContaining('metric, mount, levels'),
    })
    const bad = [
      { ...OWN, condition: { metric: 'gremlins', levels: [] } },
      { ...OWN, source: 'script_check' },
      { ...OWN, name: undefined },
      { ...OWN, rule: 'x' },
      { ...OWN, organization: 'Acme', scope: { organizations: 'Globex' } },
      { action: 'update', rule: 'Globex disks' },
      { action: 'update', rule: 'Globex disks', source: 'burst' },
      { action: 'update' },
      { action: 'disable', rule: 'Globex disks', organization: 'Acme' },
    ]
    for (const input of bad) expect([input, await codeOf(input)]).toEqual([input, 'invalid_input'])
    expect(await codeOf({ ...OWN, organization: 'Acme' })).toBe('conflict')
    expect(await codeOf({ ...OWN, scope: { devices: 'nobody' } })).toBe('not_found')
  })

  it('lets nobody touch what is not theirs', async () => {
    const { id } = await ruleNamed('Globex disks')
    for (const action of ['update', 'enable', 'disable', 'delete'])
      expect([
        action,
        await codeOf({ action, rule: id, ...(action === 'update' && { severity: 'low' }) }, admin),
      ]).toEqual([action, 'not_found'])
    expect(await codeOf({ ...OWN, name: 'For all' }, admin)).toBe('forbidden')
    expect(await codeOf({ ...OWN, name: 'For Globex', organization: 'Globex' }, admin)).toBe('not_found')
    expect(
      await codeOf({ ...OWN, name: 'Mine', organization: 'Acme', scope: { devices: w.devices['GLOBEX-1'] } }, admin),
    ).toBe('not_found')
    expect(await w.h.sql(`select severity, enabled from alert_rules where id = $1`, [id])).toEqual([
      { severity: 'high', enabled: true },
    ])
  })
})

describe('manage_script_checks', () => {
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
})
