/** What devices report becomes history, and what they no longer confirm is shown as old. */
import type { SectionName } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { forgetChanges } from '../../src/domains/devices/changes/record.ts'
import { Inventory, type InventoryReport } from '../../src/domains/devices/inventory.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Answer, code, done } from '../settings/answers.ts'

const HOUR_MS = 3_600_000
let clockMs = Date.parse('2026-11-25T12:00:00.000Z')
let world: Harness
let admin: Caller
let acme: Organization
let inventory: Inventory
let device = ''
let made = 0
const now = () => new Date(clockMs)

beforeAll(async () => {
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  acme = await world.organization('Acme')
  admin = await world.caller(await world.key(await world.user('partner_admin'), ['ai:read']))
  inventory = new Inventory({ db: world.server.db, events: world.server.events, now })
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  device = await world.device(acme, `PC-${made}`)
})

let reports = 0
const report = (sections: InventoryReport['sections'], deviceId = device) => {
  reports += 1
  const hashes = Object.fromEntries(Object.keys(sections).map((name) => [name, `hash-${reports}`]))
  return inventory.record({ deviceId, sections, hashes })
}
const ok = <T>(data: T, collectedAt = now()) => {
  return { status: 'ok' as const, source: 'test', collectedAt: collectedAt.toISOString(), data }
}
const service = (name: string, state: 'running' | 'stopped') => {
  return { name, displayName: null, state, start: 'automatic' as const, manager: 'windows' as const, pid: null }
}
const item = (name: string, version: string) => {
  return { source: 'registry' as const, name, version, architecture: 'x64' }
}
const details = async (input: object = {}): Promise<Answer> =>
  done(await world.invoke(admin, 'get_device_details', { device, ...input }))
const changes = async (input: object = {}): Promise<Answer> =>
  (await details({ sections: ['changes'], ...input }))['changes']

describe('changes', () => {
  it('are told with their time by the device’s clock, the latest first', async () => {
    await report({ services: ok([service('MSSQLSERVER', 'running')]), software: ok([item('Tool', '1')]) })
    expect(await changes()).toEqual({ changes: [], total: 0 })
    await report({ software: ok([item('Tool', '2')]) })
    await report({ services: ok([service('MSSQLSERVER', 'stopped')], new Date('2026-11-25T04:47:00.000Z')) })
    expect(await changes()).toEqual({
      changes: [
        { at: now().toISOString(), kind: 'software_updated', subject: 'Tool (x64)', before: '1', after: '2' },
        {
          at: '2026-11-25T04:47:00.000Z',
          kind: 'service_state_changed',
          subject: 'MSSQLSERVER',
          before: 'running',
          after: 'stopped',
        },
      ],
      total: 2,
    })
    expect(await changes({ changes_since: '2026-11-25T05:00:00Z' })).toMatchObject({ total: 1 })
    const outcome = await world.invoke(admin, 'get_device_details', { device, sections: ['changes'] })
    expect(outcome).toMatchObject({
      text: expect.stringContaining('service state changed: MSSQLSERVER, running → stopped'),
    })
  })

  it('to and fro within an hour are one, however often', async () => {
    const started = now()
    for (let turn = 0; turn < 5; turn++) {
      await report({ services: ok([service('Spooler', turn % 2 === 0 ? 'running' : 'stopped')]) })
      clockMs += 60_000
    }
    const found = await changes()
    expect(found['changes']).toEqual([
      {
        at: new Date(started.getTime() + 4 * 60_000).toISOString(),
        kind: 'service_state_changed',
        subject: 'Spooler',
        before: 'running',
        after: 'running',
        occurrences: 4,
      },
    ])
    clockMs += HOUR_MS
    await report({ services: ok([service('Spooler', 'stopped')]) })
    expect(await changes()).toMatchObject({ total: 2 })
  })

  it('of many at once are one entry with a list, each time', async () => {
    const list = (version: string) => ok(Array.from({ length: 1500 }, (_, index) => item(`Package ${index}`, version)))
    await report({ software: list('1') })
    await report({ software: list('2') })
    clockMs += 300_000
    await report({ software: list('3') })
    const found = await changes()
    expect(found['total']).toBe(2)
    expect(found['changes'][0]).toMatchObject({
      kind: 'many_changed',
      subject: 'software',
      after: '1500 updated',
      counts: { software_updated: 1500 },
    })
    expect(found['changes'][0]['list']).toHaveLength(200)
    expect(found['changes'][0]['list'][0]).toMatchObject({ kind: 'software_updated', before: '2', after: '3' })
  })

  it('come a page at a time', async () => {
    const list = (from: number) => ok(Array.from({ length: 6 }, (_, index) => item(`Package ${from + index}`, '1')))
    await report({ software: list(0) })
    await report({ software: list(100) })
    const seen: string[] = []
    for (let cursor: string | undefined, pages = 0; pages < 5; pages++) {
      const page = await changes({ changes_limit: 5, ...(cursor && { changes_cursor: cursor }) })
      seen.push(...page['changes'].map((one: Answer) => `${one['kind']} ${one['subject']}`))
      expect(page['total']).toBe(12)
      cursor = page['next_cursor']
      if (!cursor) break
    }
    expect([seen.length, new Set(seen).size]).toEqual([12, 12])
    const foreign = { device, sections: ['changes'], changes_cursor: 'junk' }
    expect(code(await world.invoke(admin, 'get_device_details', foreign))).toBe('invalid_input')
  })

  it('are kept for thirteen months', async () => {
    await report({ software: ok([item('Tool', '1')]) })
    await report({ software: ok([item('Tool', '2')]) })
    const older = `update device_changes set at = at - interval '14 months', hour = hour - interval '14 months' where device_id = $1`
    await world.sql(older, [device])
    await report({ software: ok([item('Tool', '3')]) })
    expect(await forgetChanges(world.server.db, now())).toBe(1)
    expect(await changes()).toMatchObject({ total: 1, changes: [{ after: '3' }] })
  })
})

describe('a section', () => {
  const heard = (at: Date) =>
    world.sql(
      `insert into device_presence (device_id, organization_id, site_id, last_seen_at) values ($1, $2, $3, $4)
       on conflict (device_id) do update set last_seen_at = excluded.last_seen_at`,
      [device, acme.id, acme.siteId, at],
    )
  const section = async (name: SectionName): Promise<Answer> => (await details({ sections: [name] }))['sections'][0]

  it('is stale when neither a report nor a heartbeat confirmed it for too long', async () => {
    const read = now()
    await report({ services: ok([service('Spooler', 'running')]) })
    await heard(read)
    clockMs += 2 * HOUR_MS
    expect(await section('services')).toMatchObject({
      status: 'stale',
      collected_at: read.toISOString(),
      confirmed_at: read.toISOString(),
      data: [{ name: 'Spooler' }],
    })
    const list = await world.invoke(admin, 'list_services', { device })
    expect(done(list)).toMatchObject({ status: 'stale', confirmed_at: read.toISOString(), total: 1 })
    await heard(now())
    expect(await section('services')).toMatchObject({ status: 'ok', confirmed_at: now().toISOString() })
    await world.sql('update device_sections set outdated_since = $2 where device_id = $1', [device, read])
    expect(await section('services')).toMatchObject({ status: 'stale', confirmed_at: read.toISOString() })
  })

  it('that could not be read says so, however long ago', async () => {
    await report({ disks: { status: 'no_permission', source: 'test', collectedAt: now().toISOString(), detail: 'df' } })
    clockMs += 100 * HOUR_MS
    expect(await section('disks')).toMatchObject({ status: 'no_permission' })
  })

  it('shows what moves all the time only while it is from lately', async () => {
    const memory = { totalBytes: 100, availableBytes: 40, swapTotalBytes: 10, swapFreeBytes: 5 }
    await report({ memory: ok(memory) })
    await heard(now())
    expect((await section('memory'))['data']).toEqual(memory)
    clockMs += 2 * HOUR_MS
    await heard(now())
    expect((await section('memory'))['data']).toEqual({ totalBytes: 100, swapTotalBytes: 10 })
  })
})
