/** Every tool of tier 3 that reaches devices: what a confirmation is good for, and what it is not. */
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { codeOf, commandsOf, hold, stateOf } from '../trust/acts.ts'

let aheadMs = 0
let world: Harness
let place: Organization
let device: string
let technician: Caller
let made = 0
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  place = await world.organization(`Confirmed ${made}`)
  // What acts on a server asks first.
  device = await world.device(place, `SRV-${made}`, { role: 'server' })
  technician = await world.caller(await world.key(await world.user('partner_admin'), [...ALL_SCOPES]))
})

const ACTS: [string, object, object][] = [
  ['execute_command', { command: 'systemctl status' }, { command: 'systemctl stop' }],
  ['execute_command', { command: 'id' }, { command: 'id', shell: 'sh' }],
  ['manage_services', { action: 'stop', service: 'cron' }, { action: 'restart', service: 'cron' }],
  ['manage_services', { action: 'start', service: 'cron' }, { action: 'start', service: 'sshd' }],
  ['device_files', { action: 'delete', path: '/tmp/a' }, { action: 'delete', path: '/tmp/b' }],
  ['device_files', { action: 'put', path: '/tmp/a', content: 'a' }, { action: 'put', path: '/tmp/a', content: 'b' }],
]

describe.each(ACTS)('%s %j', (tool, what, altered) => {
  it('waits for its confirmation, and then is sent once', async () => {
    const input = { ...what, device }
    const { token, operation } = await hold(world, technician, tool, input)
    expect(await commandsOf(world, operation)).toEqual([])
    const confirm = (confirmation: string, of: object = input) =>
      world.invoke(technician, tool, { ...of, confirmation })
    expect(codeOf(await confirm(token, { ...altered, device }))).toBe('confirmation_invalid')
    expect(codeOf(await confirm('brzc_nothing'))).toBe('confirmation_invalid')
    expect(await commandsOf(world, operation)).toEqual([])
    const [one, two] = await Promise.all([confirm(token), confirm(token)])
    expect([codeOf(one), codeOf(two)].toSorted()).toEqual(['confirmation_invalid', 'done'])
    expect(await commandsOf(world, operation)).toEqual([device])
    expect(codeOf(await confirm(token))).toBe('confirmation_invalid')
    expect(await commandsOf(world, operation)).toEqual([device])
  })

  it('is not sent with a confirmation that is too old', async () => {
    const input = { ...what, device }
    const { token, operation } = await hold(world, technician, tool, input)
    aheadMs += 5 * 60_000 + 1000
    expect(codeOf(await world.invoke(technician, tool, { ...input, confirmation: token }))).toBe('confirmation_expired')
    expect(await commandsOf(world, operation)).toEqual([])
    expect(await stateOf(world, operation)).toMatch(/awaiting_confirmation|expired/)
  })
})

it('a service that means another one by now is not the one that was confirmed', async () => {
  const list = async (name: string) => {
    const item = {
      name,
      displayName: 'Print Spooler',
      state: 'running',
      start: 'automatic',
      manager: 'windows',
      pid: 1,
    }
    await world.sql(
      `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash, data)
       values ($1, 'services', $2, $3, 'ok', 'a test', now(), $4, $5)
       on conflict (device_id, section) do update set data = excluded.data`,
      [device, place.id, place.siteId, name, JSON.stringify([item])],
    )
  }
  await list('Spooler')
  const input = { device, service: 'Print Spooler', action: 'restart' }
  const { token, operation } = await hold(world, technician, 'manage_services', input)
  await list('SpoolerOfAnother')
  const outcome = await world.invoke(technician, 'manage_services', { ...input, confirmation: token })
  expect(codeOf(outcome)).toBe('confirmation_invalid')
  expect(await commandsOf(world, operation)).toEqual([])
})
