/** What raises alerts, as people see and change it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRules } from '../../src/domains/alerts/rule-rows.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
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
