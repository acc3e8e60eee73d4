/** Figures against the lists behind them, and both against what the database holds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN } from '../../src/domains/compliance/frameworks/built-in.ts'
import { isAssessed, weightOf } from '../../src/domains/compliance/frameworks/framework.ts'
import { STATUSES } from '../../src/domains/compliance/tables.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Answer, code, done } from '../settings/answers.ts'
import { deviceWithFacts, diskOpen, firewallOff, postureOf, tell, userCalled } from './facts.ts'

let world: Harness
let acme: Organization
let other: Organization
let branch: string
let partner: Caller
let viewer: Caller
let branchOnly: Caller
const ids: Record<string, string> = {}

beforeAll(async () => {
  world = await boot()
  acme = await world.organization('Acme')
  other = await world.organization('Umbra')
  branch = await world.site(acme.id, 'Branch')
  ids['good'] = await deviceWithFacts(world, acme, 'GOOD')
  ids['open'] = await deviceWithFacts(world, acme, 'OPEN', { posture: postureOf({ ...firewallOff, ...diskOpen }) })
  ids['server'] = await deviceWithFacts(world, acme, 'SERVER', { role: 'server', posture: postureOf(firewallOff) })
  ids['silent'] = await deviceWithFacts(world, acme, 'SILENT', { silentDays: 20 })
  ids['branch'] = await deviceWithFacts(world, acme, 'BRANCH', {
    siteId: branch,
    users: [userCalled('open', { password: 'none' as never })],
  })
  ids['new'] = await world.device(acme, 'NEW', { status: 'pending' })
  ids['foreign'] = await deviceWithFacts(world, other, 'UMBRA-PC', { posture: postureOf(firewallOff) })
  await world.server.services.compliance.sweep()
  partner = await as('partner_admin', null)
  viewer = await as('viewer', acme.id)
  branchOnly = await world.caller(
    await world.key(await world.user('technician', acme.id, [branch]), ['ai:read', 'ai:write']),
    'rest',
  )
})
afterAll(() => world.stop())

const as = async (role: string, organization: string | null, scopes = ['ai:read', 'ai:write']) =>
  world.caller(await world.key(await world.user(role, organization), scopes), 'rest')
const ask = async (caller: Caller, tool: string, input: object = {}): Promise<Answer> =>
  done(await world.invoke(caller, tool, input))
const summary = (caller: Caller, input: object = {}) => ask(caller, 'compliance_summary', { limit: 200, ...input })

describe('compliance_summary', () => {
  it.each(BUILT_IN.map(({ id }) => id))('of %s: each figure is the length of its list', async (framework) => {
    const whole = await summary(viewer, { framework })
    expect(whole).toMatchObject({ devices: 6, framework })
    const known = BUILT_IN.find(({ id }) => id === framework)
    const assessed = known?.controls.filter(isAssessed) ?? []
    const sums = Object.fromEntries(STATUSES.map((status) => [status, 0]))
    let [passed, failed] = [0, 0]
    for (const control of assessed) {
      for (const status of STATUSES) {
        const list = await ask(viewer, 'list_check_results', { framework, control: control.id, status })
        expect(list['devices']).toHaveLength(list['total'])
        sums[status] = (sums[status] ?? 0) + list['total']
        if (status === 'pass') passed += weightOf(control) * list['total']
        if (status === 'fail') {
          failed += weightOf(control) * list['total']
          const row = whole['failing'].find((one: Answer) => one['control'] === control.id)
          expect([control.id, row?.['devices'] ?? 0]).toEqual([control.id, list['total']])
        }
      }
    }
    expect(whole['counts']).toEqual(sums)
    expect(Object.values(sums).reduce((a, b) => a + b, 0)).toBe(assessed.length * 6)
    expect(whole['score']).toBe(Math.floor((1000 * passed) / (passed + failed)) / 10)
    const { pass = 0, fail = 0, waived = 0, unknown = 0 } = sums
    const seen = pass + fail + waived
    expect(whole['coverage']).toBe(Math.floor((1000 * seen) / (seen + unknown)) / 10)
  })

  it('counts what the database holds, and so does the filter of devices', async () => {
    const rows = await world.sql<{ n: number }>(
      `select count(*)::int as n from compliance_results where organization_id = $1 and check_id = 'firewall_on' and result = 'fail'`,
      [acme.id],
    )
    expect(rows).toEqual([{ n: 2 }])
    const list = await ask(viewer, 'list_check_results', { check: 'firewall_on', status: 'fail' })
    expect(list).toMatchObject({ total: 2, devices: [{ name: 'OPEN' }, { name: 'SERVER' }] })
  })

  it('names what fails worst first, by devices, and what the framework can not measure', async () => {
    const { failing, total_failing: total, controls } = await summary(viewer)
    expect(failing).toHaveLength(total)
    expect(failing).toContainEqual(
      expect.objectContaining({ control: '4.4', severity: 'high', devices: 1, examples: ['SERVER'] }),
    )
    expect(failing).toContainEqual(expect.objectContaining({ control: '4.5', devices: 1, examples: ['OPEN'] }))
    const loss = failing.map(({ severity, devices }: Answer) => WEIGHT[severity as keyof typeof WEIGHT] * devices)
    expect(loss).toEqual(loss.toSorted((a: number, b: number) => b - a))
    expect(controls['measured'] + controls['partly'] + controls['attestation']).toBe(153)
    const few = await world.invoke(viewer, 'compliance_summary', { limit: 1 })
    expect(few).toMatchObject({ status: 'done', text: expect.stringMatching(/need attestation/) })
    expect(few).toMatchObject({ text: expect.not.stringMatching(/complian/i) })
    expect(done(few)['failing']).toHaveLength(1)
  })

  it('says why things are unknown, with as many devices as the lists behind it', async () => {
    const { unknown } = await summary(viewer)
    const reasons: Record<string, number> = unknown
    expect(reasons).toMatchObject({ stale: 1, no_data: 1, not_configured: 4, not_measured: 6 })
    for (const [reason, devices] of Object.entries(reasons)) {
      const list = await ask(viewer, 'list_check_results', { reason, limit: 200 })
      expect([reason, list['total']]).toEqual([reason, devices])
    }
  })

  it('has no score, neither 0 nor 100, where nothing was assessed', async () => {
    const empty = await world.organization('Empty')
    const partner = await as('partner_admin', null)
    expect(await summary(partner, { organization: 'Empty' })).toMatchObject({ devices: 0, score: null, coverage: null })
    await world.device(empty, 'NOTHING', { status: 'pending' })
    const before = await summary(partner, { organization: 'Empty' })
    expect(before).toMatchObject({ devices: 1, score: null, coverage: 0, evaluated_at: null })
    expect(before['unknown']).toEqual({ not_evaluated: 1 })
    await world.server.services.compliance.sweep()
    const judged = await summary(partner, { organization: 'Empty' })
    expect(judged).toMatchObject({ score: null, coverage: 0, evaluated_at: expect.any(String) })
    expect(judged['unknown']).toEqual({ no_data: 1, not_measured: 1 })
  })

  it('is bounded by organization and site, and shows nothing of others', async () => {
    expect(await summary(branchOnly)).toMatchObject({ devices: 1 })
    expect(await summary(viewer, { site: 'Branch' })).toMatchObject({ devices: 1 })
    expect(await summary(partner, { organization: 'Umbra' })).toMatchObject({ devices: 1 })
    for (const tool of ['compliance_summary', 'list_check_results', 'get_compliance_history', 'list_waivers'])
      expect([tool, code(await world.invoke(viewer, tool, { organization: other.id }))]).toEqual([tool, 'not_found'])
    expect(code(await world.invoke(viewer, 'list_check_results', { device: ids['foreign'] }))).toBe('not_found')
    expect(JSON.stringify(await ask(viewer, 'list_check_results', { limit: 200 }))).not.toMatch(/umbra/i)
  })

  it('is refused without scope or permission, and for what there is not', async () => {
    const scopeless = await as('viewer', acme.id, ['devices.read'])
    expect(code(await world.invoke(scopeless, 'compliance_summary', {}))).toBe('insufficient_scope')
    await world.sql(
      `insert into roles values ('no_compliance', 'No compliance', 'organization', false, '{devices.read}')`,
    )
    const lacking = await as('no_compliance', acme.id)
    expect(code(await world.invoke(lacking, 'compliance_summary', {}))).toBe('forbidden')
    const { sections: _, ...details } = await ask(lacking, 'get_device_details', { device: ids['open'] })
    expect(details).not.toHaveProperty('compliance')
    for (const input of [{ framework: 'none such' }, { site: 'none such' }])
      expect(code(await world.invoke(viewer, 'compliance_summary', input))).toBe('not_found')
    expect(code(await world.invoke(viewer, 'compliance_summary', { limit: 0 }))).toBe('invalid_input')
    for (const input of [{ check: 'x' }, { check: 'firewall_on', control: '4.4' }, { reason: 'stale', status: 'fail' }])
      expect(code(await world.invoke(viewer, 'list_check_results', input))).toBe('invalid_input')
  })
})

const WEIGHT = { critical: 10, high: 5, medium: 3, low: 1 }

it('holds missing patches against their limit', async () => {
  const update = (name: string, security: boolean | null) => ({
    name,
    installed: '1',
    available: '2',
    architecture: 'amd64',
    origin: 'Debian-Security',
    security,
  })
  const place = await world.organization('Patches')
  const late = await deviceWithFacts(world, place, 'LATE', { updates: [update('openssl', true), update('vim', false)] })
  const fresh = await deviceWithFacts(world, place, 'FRESH', { updates: [update('openssl', true)] })
  const unrated = await deviceWithFacts(world, place, 'UNRATED', { updates: [update('linux', null)] })
  await world.sql(
    `update device_updates set first_seen_at = now() - interval '20 days',
       security_since = case when security then now() - interval '20 days' end where device_id = any ($1)`,
    [[late, unrated]],
  )
  await world.server.services.compliance.evaluate([late, fresh, unrated])
  const results: Answer = await ask(await as('partner_admin', null), 'list_check_results', {
    organization: place.id,
    check: 'os_patches',
  })
  expect(results['devices']).toMatchObject([
    { name: 'FRESH', status: 'pass', checks: [{ items: ['openssl'] }] },
    { name: 'LATE', status: 'fail', checks: [{ items: ['openssl'], source: 'a test' }] },
    { name: 'UNRATED', status: 'unknown', checks: [{ reason: 'incomplete' }] },
  ])
})

describe('list_check_results', () => {
  it('tells the evidence, with the words of the device marked as its own', async () => {
    const answer = await ask(viewer, 'list_check_results', { device: 'OPEN', check: 'disk_encrypted' })
    expect(answer).toMatchObject({
      total: 1,
      untrusted: expect.any(String),
      devices: [
        {
          id: ids['open'],
          status: 'fail',
          checks: [
            {
              check: 'disk_encrypted',
              status: 'fail',
              seen: '1 of 1 volumes are not encrypted.',
              items: ['/srv'],
              source: 'a test',
              collected_at: expect.any(String),
              since: expect.any(String),
              waived_until: null,
            },
          ],
        },
      ],
    })
  })

  it('comes in pages that hold each device once', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page: Answer = await ask(viewer, 'list_check_results', {
        check: 'time_sync',
        limit: 2,
        ...(cursor && { cursor }),
      })
      expect(page['total']).toBe(6)
      seen.push(...page['devices'].map((one: Answer) => one['name']))
      cursor = page['next_cursor']
    } while (cursor)
    expect(seen).toEqual(['BRANCH', 'GOOD', 'NEW', 'OPEN', 'SERVER', 'SILENT'])
    const first = await ask(viewer, 'list_check_results', { check: 'time_sync', limit: 2 })
    const moved = { check: 'audit_log', limit: 2, cursor: first['next_cursor'] }
    expect(code(await world.invoke(viewer, 'list_check_results', moved))).toBe('invalid_input')
  })
})

describe('evaluation', () => {
  const checkOf = async (device: string, check: string): Promise<Answer> => {
    const answer = await ask(viewer, 'list_check_results', { device, check })
    return answer['devices'][0]['checks'][0]
  }

  it('judges a device anew when a fact changes, and says since when', async () => {
    const device = ids['good'] ?? ''
    const before = await checkOf(device, 'firewall_on')
    expect(before['status']).toBe('pass')
    await tell(world, device, 'posture', postureOf(firewallOff))
    const after = { status: 'ok', collectedAt: new Date() }
    world.server.services.compliance.changed([{ deviceId: device, section: 'posture', before: null, after }])
    await world.server.services.compliance.idle()
    const failing = await checkOf(device, 'firewall_on')
    expect(failing['status']).toBe('fail')
    expect(Date.parse(failing['since'])).toBeGreaterThan(Date.parse(before['since']))
    await world.server.services.compliance.evaluate([device])
    expect(await checkOf(device, 'firewall_on')).toEqual(failing)
    await tell(world, device, 'posture', postureOf())
    await world.server.services.compliance.evaluate([device])
    expect((await checkOf(device, 'firewall_on'))['status']).toBe('pass')
  })

  it('shows in the details of a device what is not in order, and all when asked', async () => {
    const short = await ask(viewer, 'get_device_details', { device: ids['open'] })
    expect(short['compliance'].map((one: Answer) => one['check'])).toEqual(['disk_encrypted', 'firewall_on'])
    const whole = await ask(viewer, 'get_device_details', { device: ids['open'], sections: ['compliance'] })
    expect(whole['compliance'].length).toBeGreaterThan(15)
    expect(whole['sections']).toEqual([])
  })

  it('keeps one row a day for each organization, site and framework', async () => {
    await world.server.services.compliance.sweep(0)
    const history = await ask(viewer, 'get_compliance_history')
    const now = await summary(viewer)
    const today = new Date().toISOString().slice(0, 10)
    expect(history['days']).toEqual([
      expect.objectContaining({
        day: today,
        devices: 6,
        score: now['score'],
        coverage: now['coverage'],
        counts: now['counts'],
      }),
    ])
    await world.server.services.compliance.sweep(0)
    const rows = await world.sql(
      'select site_id, framework from compliance_history where organization_id = $1 and day = current_date',
      [acme.id],
    )
    expect(rows).toHaveLength(2 * BUILT_IN.length)
    expect(await ask(branchOnly, 'get_compliance_history')).toMatchObject({ days: [{ devices: 1 }] })
  })

  it('follows a device that is removed, and forgets it', async () => {
    const gone = await deviceWithFacts(world, acme, 'GONE')
    await world.server.services.compliance.evaluate([gone])
    await world.sql('update devices set removed_at = now() where id = $1', [gone])
    expect(await summary(viewer)).toMatchObject({ devices: 6 })
    await world.server.services.compliance.sweep(0)
    expect(await world.sql('select from compliance_results where device_id = $1', [gone])).toEqual([])
  })
})
