import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { auditBody, codeOf, commandsOf, hold, stateOf } from './acts.ts'

let aheadMs = 0
let world: Harness
let key: TestKey
let technician: Caller
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  technician = await world.caller(key)
})
afterAll(() => world.stop())

/** An organization of its own with workstations: more than one of them is held by default. */
let made = 0
async function place(devices = 2): Promise<{ organization: Organization; devices: string[]; input: object }> {
  made += 1
  const organization = await world.organization(`Place ${made}`)
  const ids: string[] = []
  for (let n = 1; n <= devices; n += 1) ids.push(await world.device(organization, `P${made}-WS-${n}`))
  technician = await world.caller(key)
  return { organization, devices: ids.sort(), input: { filter: { organization: organization.id }, content: 'true' } }
}

const confirm = (caller: Caller, input: object, confirmation: string) =>
  world.invoke(caller, 'run_script', { ...input, confirmation })

describe('a confirmation', () => {
  it('is good for one of twenty uses at the same moment, and one set of commands', async () => {
    const { devices, input } = await place(3)
    const { token, operation } = await hold(world, technician, 'run_script', input)
    expect(await commandsOf(world, operation)).toEqual([])
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => confirm(technician, input, token)))
    expect(outcomes.filter((outcome) => outcome.status === 'done')).toHaveLength(1)
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(['done', 'confirmation_invalid']))
    expect(await commandsOf(world, operation)).toEqual(devices)
    const all = await world.sql('select from device_commands where device_id = any ($1::uuid[])', [devices])
    expect(all).toHaveLength(3)
    // A use that came second ran nothing, and the audit must not say that it failed while running.
    for (const outcome of outcomes) {
      if (outcome.status === 'done') continue
      expect(outcome.status).toBe('refused')
      expect(await auditBody(world, outcome.auditEntry)).toMatchObject({ decision: 'denied', outcome: null })
    }
    expect(codeOf(await confirm(technician, input, token))).toBe('confirmation_invalid')
  })

  it('means the same whatever the order of the keys, and nothing else', async () => {
    const { organization, devices } = await place()
    const input = { filter: { organization: organization.id, role: 'workstation' }, content: 'true', arguments: ['a'] }
    const { token, operation } = await hold(world, technician, 'run_script', input)
    const altered: object[] = [
      { ...input, content: 'false' },
      { ...input, arguments: ['b'] },
      { ...input, timeout_seconds: 301 },
      { ...input, expires_in_minutes: 1 },
      { ...input, filter: { organization: organization.id } },
      { devices, content: 'true', arguments: ['a'] },
      { ...input, language: 'python' },
    ]
    for (const other of altered)
      expect([other, codeOf(await confirm(technician, other, token))]).toEqual([other, 'confirmation_invalid'])
    const reboot = await world.invoke(technician, 'device_actions', { devices, action: 'reboot', confirmation: token })
    expect(codeOf(reboot)).toBe('confirmation_invalid')
    expect(await commandsOf(world, operation)).toEqual([])
    const same = {
      arguments: ['a'],
      content: 'true',
      filter: { role: 'workstation', organization: organization.id },
      expires_in_minutes: 24 * 60,
    }
    expect(codeOf(await confirm(technician, same, token))).toBe('done')
    expect(await commandsOf(world, operation)).toEqual(devices)
  })

  it('ends after five minutes, and not a moment earlier', async () => {
    const { input } = await place()
    const late = await hold(world, technician, 'run_script', input)
    const early = await hold(world, technician, 'run_script', input)
    try {
      aheadMs += 4 * 60_000 + 50_000
      expect(codeOf(await confirm(technician, input, early.token))).toBe('done')
      aheadMs += 11_000
      expect(codeOf(await confirm(technician, input, late.token))).toBe('confirmation_expired')
      expect(await commandsOf(world, late.operation)).toEqual([])
    } finally {
      aheadMs = 0
    }
  })

  it('belongs to one credential of one principal', async () => {
    const { devices, input } = await place()
    const { token, operation } = await hold(world, technician, 'run_script', input)
    const sibling = await world.caller(await world.key(key.userId, ['ai:execute']))
    const colleague = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']))
    for (const other of [sibling, colleague, await world.operator()])
      expect(codeOf(await confirm(other, input, token))).toBe('confirmation_invalid')
    expect(codeOf(await confirm(technician, input, `brzc_${'x'.repeat(32)}`))).toBe('confirmation_invalid')
    expect(await stateOf(world, operation)).toBe('awaiting_confirmation')
    expect(codeOf(await confirm(technician, input, token))).toBe('done')
    expect(await commandsOf(world, operation)).toEqual(devices)
  })

  it('can be cancelled', async () => {
    const { input } = await place()
    const { token, operation } = await hold(world, technician, 'run_script', input)
    expect(codeOf(await world.invoke(technician, 'cancel_operation', { operation }))).toBe('done')
    expect(codeOf(await confirm(technician, input, token))).toBe('confirmation_invalid')
    expect(await stateOf(world, operation)).toBe('cancelled')
  })
})

describe('between preview and use', () => {
  it('a device that joins the filter is not touched', async () => {
    const { organization, devices, input } = await place()
    const { token, operation } = await hold(world, technician, 'run_script', input)
    const late = await world.device(organization, 'Late')
    const done = await confirm(technician, input, token)
    expect(codeOf(done)).toBe('done')
    expect(await commandsOf(world, operation)).toEqual(devices)
    const entries = await world.sql<{ body: string }>(
      `select body from audit_entries where body::jsonb #>> '{details,operation}' = $1`,
      [operation],
    )
    expect(entries.length).toBeGreaterThan(0)
    for (const entry of entries) expect(entry.body).not.toContain(late)
  })

  it('a device that is removed, or moves out of reach, refuses the whole', async () => {
    const { organization, devices, input } = await place(3)
    const removed = await hold(world, technician, 'run_script', input)
    await world.sql('update devices set removed_at = now() where id = $1', [devices[0]])
    expect(codeOf(await confirm(technician, input, removed.token))).toBe('confirmation_invalid')
    await world.sql('update devices set removed_at = null where id = $1', [devices[0]])

    const annex = await world.site(organization.id, 'Annex')
    const user = await world.user('technician', organization.id, [organization.siteId])
    const local = await world.caller(await world.key(user, ['ai:execute']))
    const moved = await hold(world, local, 'run_script', input)
    await world.sql('update devices set site_id = $2 where id = $1', [devices[1], annex])
    expect(codeOf(await confirm(local, input, moved.token))).toBe('confirmation_invalid')
    for (const { operation } of [removed, moved]) expect(await commandsOf(world, operation)).toEqual([])
  })

  it('a device that goes online changes nothing', async () => {
    const { devices, input } = await place()
    const { token } = await hold(world, technician, 'run_script', input)
    await world.sql(`update devices set status = 'pending' where id = $1`, [devices[0]])
    expect(codeOf(await confirm(technician, input, token))).toBe('done')
  })

  it('an emergency stop refuses, and lifting it makes the same confirmation good again', async () => {
    const { organization, input } = await place()
    const { token, operation } = await hold(world, technician, 'run_script', input)
    const operator = await world.operator()
    const stop = { action: 'stop', organization: organization.id, reason: 'a test' }
    expect(codeOf(await world.invoke(operator, 'emergency_stop', stop))).toBe('done')
    expect(codeOf(await confirm(await world.caller(key), input, token))).toBe('emergency_stop')
    expect(await commandsOf(world, operation)).toEqual([])
    const lift = { action: 'lift', organization: organization.id }
    await world.invoke(await world.operator(), 'emergency_stop', lift)
    // The stop cancels what has not started; what waited for a confirmation is part of that.
    expect(codeOf(await confirm(await world.caller(key), input, token))).toBe('confirmation_invalid')
    expect(await stateOf(world, operation)).toBe('cancelled')
  })

  it('a stop of everything or of the credential refuses', async () => {
    const { input } = await place()
    for (const subject of [{ everything: true }, { credential: key.id }]) {
      const { token, operation } = await hold(world, await world.caller(key), 'run_script', input)
      const stop = { action: 'stop', ...subject, reason: 'a test' }
      expect(codeOf(await world.invoke(await world.operator(), 'emergency_stop', stop))).toBe('done')
      const outcome = await confirm(await world.caller(key), input, token)
      const lifted = await world.invoke(await world.operator(), 'emergency_stop', { action: 'lift', ...subject })
      expect([codeOf(outcome), codeOf(lifted)]).toEqual(['emergency_stop', 'done'])
      expect(await commandsOf(world, operation)).toEqual([])
    }
  })

  it('a role that was lowered, a scope that was taken and a key that was deleted refuse', async () => {
    const { input } = await place()
    const user = await world.user('partner_technician')
    const own = await world.key(user, ['ai:execute'])
    const { token, operation } = await hold(world, await world.caller(own), 'run_script', input)
    await world.sql(`update api_keys set scopes = '{ai:write}' where id = $1`, [own.id])
    expect(codeOf(await confirm(await world.caller(own), input, token))).toBe('insufficient_scope')
    await world.sql(`update api_keys set scopes = '{ai:execute}' where id = $1`, [own.id])
    await world.sql(`update role_assignments set role_id = 'partner_viewer' where user_id = $1`, [user])
    expect(codeOf(await confirm(await world.caller(own), input, token))).toBe('forbidden')
    await world.sql('update api_keys set deleted_at = now() where id = $1', [own.id])
    await expect(world.caller(own)).rejects.toThrow('does not open')
    expect(await stateOf(world, operation)).toBe('awaiting_confirmation')
    expect(await commandsOf(world, operation)).toEqual([])
  })
})
