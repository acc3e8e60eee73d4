import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { Patches, type PatchChange } from '../../src/domains/patches/service.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { hoursAgo, NOW, report, section, update } from './reports.ts'

let world: Harness
let home: Organization
let device = ''
let now = NOW
let told: PatchChange[] = []
let patches: Patches

beforeAll(async () => {
  world = await boot()
  home = await world.organization('Northwind')
  const failed = (error: unknown): void => {
    throw error
  }
  patches = new Patches({ db: world.server.db, now: () => now, changed: (changes) => told.push(...changes), failed })
})
afterAll(() => world.stop())
beforeEach(async () => {
  now = NOW
  device = await world.device(home, 'NW-1', { role: 'server' })
})

async function derived(): Promise<PatchChange[]> {
  told = []
  await patches.catchUp()
  return told
}
const state = async () =>
  (
    await world.sql<Record<string, unknown>>(
      'select state, reason, missing, missing_security, failed, last_failed_at from device_patch_state where device_id = $1',
      [device],
    )
  )[0]
const pending = () =>
  world.sql<{ name: string; available: string; first_seen_at: Date; security_since: Date | null }>(
    'select name, available, first_seen_at, security_since from device_updates where device_id = $1 order by name',
    [device],
  )
const outcome = (name: string, at: Date, result: 'installed' | 'failed', more: object = {}) => ({
  name,
  version: '2',
  at: at.toISOString(),
  outcome: result,
  ...more,
})

it('an update is known since it was first seen, whatever its newest version, and no longer than it is pending', async () => {
  await report(world, device, { updates: [update('curl'), update('openssl', { security: true })] })
  await derived()
  const first = await pending()
  expect(await state()).toMatchObject({ state: 'missing', missing: 2, missing_security: 1, reason: null })
  await section(
    world,
    device,
    'updates',
    {
      manager: 'apt',
      listsUpdatedAt: NOW.toISOString(),
      updates: [update('openssl', { security: true, available: '3' }), update('tzdata', { security: true })],
    },
    { collectedAt: hoursAgo(-2) },
  )
  now = hoursAgo(-3)
  await derived()
  expect(await pending()).toEqual([
    { ...first[1], available: '3' },
    { name: 'tzdata', available: '2', first_seen_at: hoursAgo(-2), security_since: hoursAgo(-2) },
  ])
  await section(world, device, 'updates', { manager: 'apt', listsUpdatedAt: NOW.toISOString(), updates: [] })
  expect(await derived()).toMatchObject([{ before: 'missing', state: 'up_to_date', failures: [] }])
  expect(await pending()).toEqual([])
})

it('what could not be read, and what nobody looked for, is unknown and never up to date', async () => {
  expect(await state()).toBeUndefined()
  await section(world, device, 'updates', null, { status: 'error' })
  await derived()
  expect(await state()).toMatchObject({ state: 'unknown', reason: 'not_readable' })
  await report(world, device, { listsUpdatedAt: null })
  await derived()
  expect(await state()).toMatchObject({ state: 'unknown', reason: 'lists_of_unknown_age' })
  await report(world, device, { updates: [update('curl')] })
  await derived()
  await section(world, device, 'updates', null, { status: 'timeout' })
  await derived()
  expect(await state()).toMatchObject({ state: 'unknown', reason: 'not_readable', missing: 1 })
})

it('a failure is open until the same update succeeds, and is told once with its time and reason', async () => {
  const broken = outcome('openssl', hoursAgo(4), 'failed', { reason: 'post-installation script returned error 1' })
  await report(world, device, {
    updates: [update('openssl')],
    history: [broken, outcome('curl', hoursAgo(4), 'installed')],
  })
  expect(await derived()).toMatchObject([
    {
      deviceId: device,
      state: 'failed',
      failures: [{ name: 'openssl', at: hoursAgo(4), reason: 'post-installation script returned error 1' }],
    },
  ])
  await section(world, device, 'posture', {})
  expect(await derived()).toEqual([])
  // dpkg no longer offers what it could not configure: that repairs nothing.
  await report(world, device, { history: [broken], listsUpdatedAt: NOW })
  await derived()
  expect(await state()).toMatchObject({ state: 'failed', failed: 1, missing: 0 })
  await report(world, device, { history: [outcome('openssl', hoursAgo(1), 'installed'), broken] })
  expect(await derived()).toMatchObject([{ before: 'failed', state: 'up_to_date', failures: [] }])
})

it('Windows replaces updates: what it no longer offers has not failed any more', async () => {
  const name = 'Security Update (KB5034441)'
  const history = [outcome(name, hoursAgo(20), 'failed', { article: 'KB5034441', reason: '0x80070643' })]
  const offered = update(name, { article: 'KB5034441', available: 'aaaa.1', architecture: null })
  await report(world, device, { manager: 'windows', updates: [offered], history })
  await derived()
  expect(await state()).toMatchObject({ state: 'failed', failed: 1, missing: 1 })
  await report(world, device, { manager: 'windows', updates: [{ ...offered, available: 'aaaa.2' }], history })
  await derived()
  expect(await state()).toMatchObject({ state: 'failed', failed: 1, missing: 1 })
  const newer = update('Security Update (KB5040000)', { article: 'KB5040000', available: 'bbbb.1', architecture: null })
  await report(world, device, { manager: 'windows', updates: [newer], history })
  await derived()
  expect(await state()).toMatchObject({ state: 'missing', failed: 0, missing: 1 })
})

it('remembers since when a reboot is pending, and forgets it when it was seen not to be', async () => {
  const posture = (pendingNow: boolean | null) =>
    pendingNow === null
      ? { rebootPending: { status: 'error', source: 'x' } }
      : { rebootPending: { status: 'ok', source: 'x', data: { pending: pendingNow, reasons: [] } } }
  const since = async () => (await derived()).map((change) => change.rebootPendingSince)
  await section(world, device, 'posture', posture(true), { collectedAt: hoursAgo(30) })
  expect(await since()).toEqual([hoursAgo(30)])
  await section(world, device, 'posture', posture(true))
  expect(await since()).toEqual([])
  await section(world, device, 'posture', posture(null))
  expect(await since()).toEqual([])
  await section(world, device, 'posture', posture(false))
  expect(await since()).toEqual([null])
})

it('survives absurd times, doubled entries and a record longer than is kept', async () => {
  const many = Array.from({ length: 450 }, (_, index) => outcome(`p${index}`, hoursAgo(index + 1), 'installed'))
  const odd = { ...outcome('far', NOW, 'failed'), at: '0000-01-01T00:00:00.000Z' }
  await report(world, device, {
    updates: [update('curl'), update('curl', { available: '3' }), update('x', { releasedOn: '0000-01-01' })],
    history: [odd, ...many, ...many],
  })
  await derived()
  expect(await state()).toMatchObject({ state: 'missing', missing: 2, failed: 0 })
  const [kept] = await world.sql<{ n: number }>(
    'select count(*)::int as n from device_update_history where device_id = $1',
    [device],
  )
  expect(kept?.n).toBe(400)
})
