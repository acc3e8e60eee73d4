/** What people and lists say of devices, and what one look at a device tells of its connection. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done } from '../settings/answers.ts'

let world: Harness
let admin: Caller
let acme: Organization
let globex: Organization
let made = 0
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  admin = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']), 'rest')
  globex = await world.organization('Globex')
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  acme = await world.organization(`Acme ${made}`)
  admin = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']), 'rest')
})
const of = async (role: string, scope: string) =>
  world.caller(await world.key(await world.user(role, acme.id), [scope]), 'rest')

async function device(name: string, serial: string | null = null, at = acme): Promise<string> {
  const id = await world.device(at, name)
  await world.sql(
    `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash, data)
     values ($1, 'identity', $2, $3, 'ok', 'test', now(), '', $4)`,
    [id, at.id, at.siteId, { hostname: name, machineId: 'm', vendor: null, model: null, serial, virtualization: null }],
  )
  return id
}
const details = async (id: string, caller = admin) => {
  const outcome = await world.invoke(caller, 'get_device_details', { device: id, sections: ['os'] })
  return { data: done(outcome), text: outcome.status === 'done' ? outcome.text : '' }
}

describe('set_device_role', () => {
  const set = (input: object, caller = admin) => world.invoke(caller, 'set_device_role', input)

  it('is a person’s word that stays, until the inventory may say it again', async () => {
    const id = await device(`PC-${made}`)
    expect(done(await set({ devices: id, role: 'hypervisor' }))).toMatchObject({ total: 1, devices: [{ id }] })
    expect((await details(id)).data).toMatchObject({ role: 'hypervisor', role_source: 'person' })
    const list = { organization: acme.id, role: ['hypervisor', 'database'] }
    expect(done(await world.invoke(admin, 'list_devices', list))).toMatchObject({ total: 1 })
    // Nothing is known of it: nothing is claimed.
    expect(code(await set({ filter: { organization: acme.id }, role: 'automatic' }))).toBe('done')
    expect((await details(id)).data).toMatchObject({ role: 'unknown', role_source: null })
  })

  it('is for roles and scopes that may, and finds no other organization’s devices', async () => {
    const [own, foreign] = [await device(`OWN-${made}`), await device(`FOREIGN-${made}`, null, globex)]
    expect(code(await set({ devices: own, role: 'server' }, await of('viewer', 'ai:execute')))).toBe('forbidden')
    expect(code(await set({ devices: own, role: 'server' }, await of('organization_admin', 'ai:read')))).toBe(
      'insufficient_scope',
    )
    const writer = await of('organization_admin', 'ai:write')
    expect(code(await set({ devices: foreign, role: 'server' }, writer))).toBe('not_found')
    expect(code(await set({ devices: own, role: 'server' }, writer))).toBe('done')
    for (const bad of [{ devices: own }, { devices: own, role: 'unknown' }, { role: 'server' }])
      expect([bad, code(await set(bad))]).toEqual([bad, 'invalid_input'])
  })
})

describe('import_warranties', () => {
  const take = (input: object, caller = admin) =>
    world.invoke(caller, 'import_warranties', { source: 'Dell', ...input })

  it('takes dates over by serial number, then by name, and tells which rows fit nothing or too much', async () => {
    const [serial, name] = [await device(`SRV-${made}`, 'ABC123'), await device(`PC-${made}`)]
    for (const copy of ['A', 'B']) await device(`TWIN-${made}-${copy}`, 'To be filled by O.E.M.')
    const rows = [
      { serial: ' abc123 ', ends_on: '2020-05-31' },
      { serial: 'not known', device: `pc-${made}`, ends_on: '2099-12-31', source: 'Lenovo' },
      { serial: 'To be filled by O.E.M.', ends_on: '2027-01-01' },
      { device: 'nobody', ends_on: '2027-01-01' },
    ]
    expect(done(await take({ organization: acme.id, rows }))).toMatchObject({
      imported: 2,
      unmatched: [
        { row: 3, reason: 'several' },
        { row: 4, reason: 'not_found' },
      ],
    })
    const first = await details(serial)
    expect(first.data['warranty']).toEqual({
      ends_on: '2020-05-31',
      source: 'Dell',
      imported_at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(first.text).toContain('Warranty ended on 2020-05-31 (Dell).')
    expect((await details(name)).text).toContain('Warranty ends on 2099-12-31 (Lenovo).')
    expect(code(await take({ rows: [{ device: serial, ends_on: '2030-02-28' }] }))).toBe('done')
    expect((await details(serial)).data['warranty']).toMatchObject({ ends_on: '2030-02-28' })
    expect((await details(await device(`NONE-${made}`))).data['warranty']).toBeNull()
  })

  it('is for roles and scopes that may, and finds no other organization’s devices', async () => {
    const [own, foreign] = [await device(`MINE-${made}`), await device(`THEIRS-${made}`, `S-${made}`, globex)]
    const row = (of: string) => ({ rows: [{ device: of, ends_on: '2027-01-01' }] })
    expect(code(await take(row(own), await of('viewer', 'ai:execute')))).toBe('forbidden')
    expect(code(await take(row(own), await of('organization_admin', 'ai:read')))).toBe('insufficient_scope')
    const writer = await of('organization_admin', 'ai:write')
    expect(code(await take(row(foreign), writer))).toBe('not_found')
    expect(code(await take({ rows: [{ serial: `S-${made}`, ends_on: '2027-01-01' }] }, writer))).toBe('not_found')
    expect(code(await take({ organization: globex.id, ...row(own) }, writer))).toBe('not_found')
    for (const rows of [[], [{ ends_on: '2027-01-01' }], [{ device: own, ends_on: '31.12.2027' }], [{ device: own }]])
      expect([rows, code(await take({ rows }))]).toEqual([rows, 'invalid_input'])
  })
})

describe('get_device_details', () => {
  it('tells response times, and says when they are elevated', async () => {
    const id = await device(`SLOW-${made}`)
    expect((await details(id)).data['responses']).toBeNull()
    const { presence } = world.server
    const beat = { bootId: 'b', uptimeSeconds: 1, cpuPercent: 2, memoryPercent: 3, clockSkewMs: 0 }
    for (const roundTripMs of [20, 21]) presence.heard(id, { ...beat, roundTripMs })
    await presence.flush()
    expect((await details(id)).text).toContain('Response time 21 ms, usually 20 ms.')
    for (const roundTripMs of [1800, 1850, 1840]) presence.heard(id, { ...beat, roundTripMs })
    await presence.flush()
    const slow = await details(id)
    expect(slow.data).toMatchObject({
      conditions: ['degraded'],
      responses: { round_trip_ms: 1840, usual_ms: expect.closeTo(30, -1), elevated: true },
    })
    expect(slow.text).toMatch(/online, degraded, .*\nResponse time 1840 ms, usually \d+(\.\d)? ms: elevated\./)
    const list = { organization: acme.id, condition: 'degraded' }
    expect(done(await world.invoke(admin, 'list_devices', list))).toMatchObject({ total: 1, devices: [{ id }] })
    presence.goodbye(id, 'reboot')
    await presence.flush()
    expect((await details(id)).text).toMatch(/Offline since .*: it said reboot, expected back by /)
  })
})

describe('get_event_logs', () => {
  it('answers for an offline device with what it had sent by itself, and says so', async () => {
    const id = await device(`AWAY-${made}`)
    const ask = async (more: object = {}) => {
      const outcome = await world.invoke(admin, 'get_event_logs', { device: id, log: 'security', ...more })
      return { data: done(outcome), text: outcome.status === 'done' ? outcome.text : '' }
    }
    expect((await ask()).data).toMatchObject({ state: 'offline', entries: [] })
    const at = new Date(Date.now() - 3_600_000).toISOString()
    await world.server.services.eventLogs.record(id, 1, [
      {
        watchId: 'failed_sign_ins',
        log: 'security',
        at,
        source: '/var/log/auth.log',
        program: 'sshd',
        level: null,
        text: 'Failed password for root, password=hunter2hunter2 from 192.0.2.7',
        count: 3,
      },
    ])
    const { data, text } = await ask()
    expect(data).toMatchObject({
      state: 'sent_before',
      reason: expect.stringContaining("can't be asked now"),
      source: expect.stringContaining('matched a watch'),
      entries: [{ at, level: null, source: 'sshd' }],
      more: false,
    })
    expect(text).toMatch(/was not read \(offline.*\)\. What its watches had sent before: 1 entries\./)
    expect(text).toContain('(and 2 more)')
    expect(`${text}${JSON.stringify(data)}`).not.toContain('hunter2hunter2')
    expect((await ask({ log: 'system' })).data).toMatchObject({ state: 'sent_before', entries: [] })
    expect((await ask({ since: new Date().toISOString() })).data['entries']).toEqual([])
  })
})
