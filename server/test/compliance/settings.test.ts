/** Waivers, limits and frameworks of one's own: who may set them, and what they do to the figures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '../../src/domains/compliance/checks/check.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Answer, code, denial, done } from '../settings/answers.ts'
import { deviceWithFacts, firewallOff, postureOf, userCalled } from './facts.ts'

let world: Harness
let acme: Organization
let other: Organization
let branch: string
let partner: Caller
let admin: Caller
let technician: Caller
let branchOnly: Caller
const ids: Record<string, string> = {}

beforeAll(async () => {
  world = await boot()
  acme = await world.organization('Acme')
  other = await world.organization('Umbra')
  branch = await world.site(acme.id, 'Branch')
  const posture = postureOf(firewallOff)
  const users = [userCalled('anna', { administrator: true })]
  ids['one'] = await deviceWithFacts(world, acme, 'ONE', { posture, users })
  ids['two'] = await deviceWithFacts(world, acme, 'TWO', { posture, users })
  ids['branch'] = await deviceWithFacts(world, acme, 'BRANCH', { posture, users, siteId: branch })
  ids['foreign'] = await deviceWithFacts(world, other, 'UMBRA-PC', { posture, users })
  await world.sql(`update devices set tags = '{kiosk}' where id = $1`, [ids['two']])
  for (const [name, filter] of [
    ['Kiosks', { tag: 'kiosk' }],
    ['Failing', { failing_check: 'firewall_on' }],
  ])
    await world.sql(
      `insert into device_groups (id, partner_id, organization_id, name, filter, updated_at, updated_by)
       values (gen_random_uuid(), $1, $2, $3, $4, now(), $1)`,
      [world.server.installation.partnerId, acme.id, name, JSON.stringify(filter)],
    )
  await world.server.services.compliance.sweep()
  partner = await as('partner_admin', null)
  admin = await as('organization_admin', acme.id)
  technician = await as('technician', acme.id)
  const holder = await world.user('organization_admin', acme.id, [branch])
  branchOnly = await world.caller(await world.key(holder, ['ai:write']), 'rest')
})
afterAll(() => world.stop())

const as = async (role: string, organization: string | null) =>
  world.caller(await world.key(await world.user(role, organization), ['ai:write']), 'rest')
const ask = async (caller: Caller, tool: string, input: object = {}): Promise<Answer> =>
  done(await world.invoke(caller, tool, input))
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
const waive = (more: object) => ({
  action: 'add',
  check: 'firewall_on',
  reason: 'behind a gateway',
  until: inDays(30),
  ...more,
})
const counts = async (caller: Caller = admin): Promise<Record<string, number>> => {
  const answer: Answer = await ask(caller, 'compliance_summary', { framework: 'cyber_essentials' })
  return answer['counts']
}
const statuses = async (check: string): Promise<Record<string, string>> => {
  const { devices }: Answer = await ask(admin, 'list_check_results', { check })
  return Object.fromEntries(devices.map(({ name, status }: Answer) => [name, status]))
}

describe('manage_waivers', () => {
  it.each([
    ['a device', () => ({ device: 'ONE' }), ['ONE']],
    ['a tag', () => ({ organization: 'Acme', tag: 'Kiosk' }), ['TWO']],
    ['a group', () => ({ organization: 'Acme', group: 'Kiosks' }), ['TWO']],
    ['a site', () => ({ site: 'Branch' }), ['BRANCH']],
    ['an organization', () => ({ organization: acme.id }), ['BRANCH', 'ONE', 'TWO']],
  ])('accepts the failures of %s until it is ended, and is in the audit', async (_name, scope, waived) => {
    const before = await counts()
    const made = await ask(admin, 'manage_waivers', waive(scope()))
    expect(made).toMatchObject({ state: 'active', devices: waived.length, reason: 'behind a gateway' })
    const expected = Object.fromEntries(
      ['BRANCH', 'ONE', 'TWO'].map((n) => [n, waived.includes(n) ? 'waived' : 'fail']),
    )
    expect(await statuses('firewall_on')).toEqual(expected)
    const during = await counts()
    expect(during).toEqual({ ...before, waived: waived.length, fail: (before['fail'] ?? 0) - waived.length })
    const failing = await ask(admin, 'list_devices', { failing_check: 'firewall_on' })
    expect(failing['total']).toBe(3 - waived.length)
    expect(code(await world.invoke(admin, 'list_devices', { failing_check: 'no_such' }))).toBe('invalid_input')
    const entries = await world.sql('select tool, decision from audit_entries where id = $1', [made['audit_entry']])
    expect(entries).toEqual([{ tool: 'manage_waivers', decision: expect.stringMatching(/allow/) }])
    expect(await ask(admin, 'list_waivers', { state: 'active' })).toMatchObject({
      total: 1,
      waivers: [{ id: made['id'], devices: waived.length, created_by: expect.any(String) }],
    })
    const ended = await ask(admin, 'manage_waivers', { action: 'end', waiver: made['id'] })
    expect(ended).toMatchObject({ state: 'ended', devices: 0, ended_by: expect.any(String) })
    expect(await counts()).toEqual(before)
    expect(code(await world.invoke(admin, 'manage_waivers', { action: 'end', waiver: made['id'] }))).toBe('conflict')
  })

  it('follows the tags of devices', async () => {
    const made = await ask(admin, 'manage_waivers', waive({ organization: 'Acme', tag: 'kiosk' }))
    await ask(admin, 'tag_devices', { devices: 'ONE', add: ['kiosk'] })
    await world.server.services.compliance.idle()
    expect(await statuses('firewall_on')).toMatchObject({ ONE: 'waived', TWO: 'waived', BRANCH: 'fail' })
    await ask(admin, 'tag_devices', { devices: 'ONE', remove: ['kiosk'] })
    await world.server.services.compliance.idle()
    expect(await statuses('firewall_on')).toMatchObject({ ONE: 'fail', TWO: 'waived' })
    await ask(admin, 'manage_waivers', { action: 'end', waiver: made['id'] })
  })

  it('runs out by itself, without anybody looking', async () => {
    const { id } = await ask(admin, 'manage_waivers', waive({ device: 'ONE' }))
    await world.sql(`update compliance_waivers set until = now() - interval '1 second' where id = $1`, [id])
    await world.sql(`update compliance_results set waived_until = now() - interval '1 second' where waiver_id = $1`, [
      id,
    ])
    await world.server.services.compliance.expireWaivers()
    expect(await statuses('firewall_on')).toMatchObject({ ONE: 'fail' })
    expect(await ask(admin, 'list_waivers', { state: 'expired' })).toMatchObject({ waivers: [{ id, devices: 0 }] })
    expect(await world.sql('select from compliance_results where waiver_id is not null')).toEqual([])
  })

  it('makes no pass of what is unknown, and leaves what passes alone', async () => {
    const { id } = await ask(admin, 'manage_waivers', waive({ check: 'backup_recent', organization: 'Acme' }))
    expect(new Set(Object.values(await statuses('backup_recent')))).toEqual(new Set(['unknown']))
    await ask(admin, 'manage_waivers', { action: 'end', waiver: id })
    const kept = await ask(admin, 'manage_waivers', waive({ check: 'time_sync', organization: 'Acme' }))
    expect(kept).toMatchObject({ state: 'active', devices: 0 })
    expect(new Set(Object.values(await statuses('time_sync')))).toEqual(new Set(['pass']))
    await ask(admin, 'manage_waivers', { action: 'end', waiver: kept['id'] })
  })

  it('asks for a reason, an end within a year, one scope and a check that there is', async () => {
    for (const input of [
      waive({ device: 'ONE', reason: undefined }),
      waive({ device: 'ONE', until: undefined }),
      waive({ device: 'ONE', until: inDays(-1) }),
      waive({ device: 'ONE', until: inDays(400) }),
      waive({ device: 'ONE', check: 'no_such_check' }),
      waive({}),
      waive({ tag: 'kiosk' }),
      waive({ tag: 'kiosk', organization: 'Acme', group: 'Kiosks' }),
      waive({ organization: 'Acme', group: 'Failing' }),
      waive({ tag: 'kiosk', organization: 'Acme', site: 'Branch' }),
    ])
      expect(code(await world.invoke(admin, 'manage_waivers', input))).toBe('invalid_input')
  })

  it('is closed to other organizations, other sites and roles that only read', async () => {
    for (const scope of [{ device: ids['foreign'] }, { organization: other.id }, { site: other.siteId }])
      expect(code(await world.invoke(admin, 'manage_waivers', waive(scope)))).toBe('not_found')
    expect(code(await world.invoke(technician, 'manage_waivers', waive({ device: 'ONE' })))).toBe('forbidden')
    expect(code(await world.invoke(branchOnly, 'manage_waivers', waive({ device: 'ONE' })))).toBe('not_found')
    expect(denial(await world.invoke(branchOnly, 'manage_waivers', waive({ organization: 'Acme' })))).toMatchObject({
      code: 'forbidden',
    })
    const own = await ask(branchOnly, 'manage_waivers', waive({ site: 'Branch' }))
    const whole = await ask(admin, 'manage_waivers', waive({ organization: 'Acme' }))
    expect(code(await world.invoke(branchOnly, 'manage_waivers', { action: 'end', waiver: whole['id'] }))).toBe(
      'not_found',
    )
    await ask(branchOnly, 'manage_waivers', { action: 'end', waiver: own['id'] })
    // The wider one holds on, although whoever ended the narrower does not see it.
    expect(await statuses('firewall_on')).toMatchObject({ BRANCH: 'waived' })
    await ask(admin, 'manage_waivers', { action: 'end', waiver: whole['id'] })
  })
})

describe('manage_compliance_settings', () => {
  const settings = (caller: Caller, input: object) => world.invoke(caller, 'manage_compliance_settings', input)

  it('judges by the list of the organization, laid over that of the partner', async () => {
    expect(new Set(Object.values(await statuses('local_administrators')))).toEqual(new Set(['unknown']))
    await ask(partner, 'manage_compliance_settings', { action: 'set', allowed_administrators: ['bert'] })
    await world.server.services.compliance.idle()
    expect(await statuses('local_administrators')).toMatchObject({ ONE: 'fail' })
    const set = await ask(admin, 'manage_compliance_settings', {
      action: 'set',
      organization: 'Acme',
      allowed_administrators: ['Anna'],
      dormant_days: 30,
    })
    expect(set).toMatchObject({
      own: { allowed_administrators: ['Anna'], dormant_days: 30 },
      effective: { allowed_administrators: ['Anna'], dormant_days: 30, patch_days: DEFAULT_RULES.patchDays },
    })
    await world.server.services.compliance.idle()
    expect(await statuses('local_administrators')).toMatchObject({ ONE: 'pass' })
    const back = { action: 'set', organization: 'Acme', allowed_administrators: null, dormant_days: null }
    expect(await ask(admin, 'manage_compliance_settings', back)).toMatchObject({
      own: {},
      effective: { allowed_administrators: ['bert'] },
    })
    await ask(partner, 'manage_compliance_settings', { action: 'set', allowed_administrators: null })
    expect(await ask(partner, 'manage_compliance_settings', { action: 'get' })).toMatchObject({
      organization: null,
      effective: { allowed_administrators: null },
    })
  })

  it('is closed to others, and to values that make no sense', async () => {
    const set = { action: 'set', organization: other.id, dormant_days: 30 }
    expect(code(await settings(admin, set))).toBe('not_found')
    expect(code(await settings(admin, { action: 'set', dormant_days: 30 }))).toBe('forbidden')
    expect(code(await settings(technician, { ...set, organization: 'Acme' }))).toBe('forbidden')
    for (const values of [{ dormant_days: 0 }, { patch_days: 1.5 }, { allowed_administrators: [''] }, {}, { odd: 1 }])
      expect(code(await settings(admin, { action: 'set', organization: 'Acme', ...values }))).toBe('invalid_input')
  })
})

describe('manage_frameworks', () => {
  const controls = [
    { id: 'A', title: 'Firewalls are on', checks: ['firewall_on'], severity: 'critical' },
    { id: 'B', title: 'Staff is trained', checks: [] },
  ]
  const manage = (caller: Caller, input: object) => world.invoke(caller, 'manage_frameworks', input)

  it('makes one, by which the figures are told, and changes and deletes it', async () => {
    const made = await ask(admin, 'manage_frameworks', {
      action: 'create',
      name: 'House rules',
      organization: 'Acme',
      controls,
    })
    expect(made).toMatchObject({ state: 'created', version: 1, organization: acme.id })
    const summary = await ask(technician, 'compliance_summary', { framework: 'house RULES' })
    expect(summary).toMatchObject({
      score: 0,
      coverage: 100,
      counts: { fail: 3 },
      failing: [{ control: 'A', severity: 'critical', devices: 3, examples: ['BRANCH', 'ONE', 'TWO'] }],
      controls: { measured: 1, partly: 0, attestation: 1 },
    })
    const list = await ask(technician, 'list_frameworks', { framework: made['id'] })
    expect(list['controls']).toMatchObject([
      { id: 'A', measure: 'measured' },
      { id: 'B', measure: 'attestation' },
    ])
    const changed = {
      action: 'update',
      framework: 'House rules',
      controls: [{ ...controls[0], checks: ['time_sync'] }],
    }
    expect(await ask(admin, 'manage_frameworks', changed)).toMatchObject({ version: 2, controls: 1 })
    expect(await ask(technician, 'compliance_summary', { framework: made['id'] })).toMatchObject({ score: 100 })
    expect(code(await manage(admin, { action: 'create', name: 'HOUSE rules', organization: 'Acme', controls }))).toBe(
      'conflict',
    )
    expect(await ask(admin, 'manage_frameworks', { action: 'delete', framework: made['id'] })).toMatchObject({
      state: 'deleted',
    })
    expect(code(await world.invoke(technician, 'compliance_summary', { framework: made['id'] }))).toBe('not_found')
  })

  it("keeps an organization's from others, and those that come with Breeze from everybody", async () => {
    const made = await ask(partner, 'manage_frameworks', {
      action: 'create',
      name: 'Umbra only',
      organization: 'Umbra',
      controls,
    })
    for (const framework of [made['id'], 'Umbra only']) {
      expect(code(await manage(admin, { action: 'delete', framework }))).toBe('not_found')
      expect(code(await world.invoke(admin, 'compliance_summary', { framework }))).toBe('not_found')
    }
    expect(JSON.stringify(await ask(admin, 'list_frameworks'))).not.toMatch(/umbra/i)
    expect(code(await manage(partner, { action: 'delete', framework: 'cis_controls' }))).toBe('forbidden')
    const wide = { action: 'create', name: 'For all', controls }
    expect(code(await manage(admin, wide))).toBe('forbidden')
    await ask(partner, 'manage_frameworks', wide)
    // The partner's own holds for its organizations, which may read and not change it.
    expect(await ask(admin, 'compliance_summary', { framework: 'For all' })).toMatchObject({ devices: 3 })
    expect(code(await manage(admin, { action: 'delete', framework: 'For all' }))).toBe('forbidden')
    expect(code(await manage(technician, { ...wide, organization: 'Acme' }))).toBe('forbidden')
  })

  it('refuses controls that name no check, or each other', async () => {
    for (const odd of [[{ id: 'A', title: 'x', checks: ['no_such'] }], [controls[0], { ...controls[0], id: 'a' }], []])
      expect(code(await manage(admin, { action: 'create', name: 'Odd', organization: 'Acme', controls: odd }))).toBe(
        'invalid_input',
      )
  })
})
