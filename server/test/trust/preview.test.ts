import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { auditBody, codeOf, commandsOf, hold, stateOf } from './acts.ts'

let world: Harness
let contoso: Organization
let fabrikam: Organization
let devices: string[]
let technician: Caller
let script: object
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  contoso = await world.organization('Contoso')
  fabrikam = await world.organization('Fabrikam')
  devices = [await world.device(contoso, 'C-1'), await world.device(contoso, 'C-2')].sort()
  await world.device(fabrikam, 'F-1')
  technician = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
  script = { filter: { organization: contoso.id }, content: 'true' }
})
afterAll(() => world.stop())

/** Every table's number of rows, but those of the audit. */
async function rowCounts(): Promise<Record<string, number>> {
  const tables = await world.sql<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
       and relname not like 'audit%' order by 1`,
  )
  const counts: Record<string, number> = {}
  for (const { name } of tables) {
    const rows = await world.sql<{ n: string | number }>(`select count(*) as n from ${name}`)
    counts[name] = Number(rows[0]?.n)
  }
  return counts
}

describe('preview_action', () => {
  it('writes the pending row and nothing else', async () => {
    const before = await rowCounts()
    const preview = await world.invoke(technician, 'preview_action', { tool: 'run_script', input: script })
    expect(preview).toMatchObject({ status: 'done', data: { tier: 3, plan: { blast_radius: { devices: 2 } } } })
    expect(await rowCounts()).toEqual({ ...before, operations: (before['operations'] ?? 0) + 1 })
    if (preview.status !== 'done') return
    const { operation, confirmation } = preview.data as { operation: string; confirmation: { token: string } }
    expect(await stateOf(world, operation)).toBe('awaiting_confirmation')
    const done = await world.invoke(technician, 'run_script', { ...script, confirmation: confirmation.token })
    expect(codeOf(done)).toBe('done')
    expect(await commandsOf(world, operation)).toEqual(devices)
  })

  it('needs the scope and the role of what it previews', async () => {
    const before = await rowCounts()
    const user = await world.user('partner_technician')
    const reader = await world.caller(await world.key(user, ['ai:read', 'ai:write']))
    const viewer = await world.caller(await world.key(await world.user('partner_viewer'), ['ai:execute']))
    const asked = { tool: 'run_script', input: script }
    expect(codeOf(await world.invoke(reader, 'preview_action', asked))).toBe('insufficient_scope')
    expect(codeOf(await world.invoke(viewer, 'preview_action', asked))).toBe('forbidden')
    expect(world.server.door.missingScope(reader, 'preview_action', asked)).toBe('ai:execute')
    const after = await rowCounts()
    expect(after['operations']).toBe(before['operations'])
  })

  it('refuses tier 4, reads, itself, what does not exist and what the caller can not see', async () => {
    const { siteId } = fabrikam
    const user = await world.user('technician', fabrikam.id, [siteId])
    const foreign = await world.caller(await world.key(user, ['ai:execute']))
    const ask = (tool: string, input: object, caller = technician) =>
      world.invoke(caller, 'preview_action', { tool, input }).then(codeOf)
    expect(await ask('device_actions', { devices, action: 'wipe' })).toBe('blocked')
    expect(await ask('list_devices', {})).toBe('invalid_input')
    expect(await ask('preview_action', { tool: 'run_script', input: script })).toBe('invalid_input')
    expect(await ask('format_the_moon', {})).toBe('unknown_tool')
    expect(await ask('run_script', { devices, content: 'true' }, foreign)).toBe('not_found')
    expect(await ask('run_script', script, foreign)).toBe('not_found')
  })

  it('is refused under an emergency stop', async () => {
    await world.invoke(await world.operator(), 'emergency_stop', {
      action: 'stop',
      organization: fabrikam.id,
      reason: 'a test',
    })
    const stopped = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
    const input = { filter: { organization: fabrikam.id }, content: 'true' }
    expect(codeOf(await world.invoke(stopped, 'preview_action', { tool: 'run_script', input }))).toBe('emergency_stop')
    await world.invoke(await world.operator(), 'emergency_stop', { action: 'lift', organization: fabrikam.id })
  })
})

describe('dry_run', () => {
  it('runs nothing and writes nothing, with a confirmation too', async () => {
    const { token, operation } = await hold(world, technician, 'run_script', script)
    const before = await rowCounts()
    for (const more of [{}, { confirmation: token }]) {
      const outcome = await world.invoke(technician, 'run_script', { ...script, ...more, dry_run: true })
      expect(outcome).toMatchObject({ status: 'done', data: { state: 'dry_run' } })
      expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({ details: { dry_run: true } })
    }
    expect(await rowCounts()).toEqual(before)
    expect(await stateOf(world, operation)).toBe('awaiting_confirmation')
  })
})

describe('the policy', () => {
  /** A rule for everything holds its own change too. */
  const set = async (policy: object): Promise<string> => {
    const operator = await world.operator()
    const outcome = await world.invoke(operator, 'set_confirmation_policy', policy)
    if (outcome.status !== 'held') return codeOf(outcome)
    const confirmation = outcome.hold.confirmation?.token
    return codeOf(await world.invoke(operator, 'set_confirmation_policy', { ...policy, confirmation }))
  }
  const one = () => ({ devices: devices[0], content: 'true' })

  it('holds more than one device by default, lets one workstation run, and says so in the audit', async () => {
    const { auditEntry } = await hold(world, technician, 'run_script', script)
    expect(await auditBody(world, auditEntry)).toMatchObject({
      decision: 'held',
      details: { confirmation: { asked: 'elicit', applied: 'preview' } },
    })
    const done = await world.invoke(technician, 'run_script', one())
    expect(await auditBody(world, done.auditEntry ?? '')).toMatchObject({
      details: { confirmation: { asked: 'client', applied: 'client' } },
    })
  })

  it.each([
    [{ policy: 'preview' }, 'held', 'preview'],
    [{ policy: 'preview', area: 'scripts' }, 'held', 'preview'],
    [{ policy: 'approver', tool: 'run_script' }, 'held', 'approver'],
    [{ policy: 'elicit', tier: 3 }, 'held', 'elicit'],
    [{ policy: 'preview', area: 'devices' }, 'done', 'client'],
    [{ policy: 'preview', tier: 2 }, 'done', 'client'],
  ])('%o makes one workstation %s', async (rule, status, asked) => {
    const subject = { ...rule, organization: contoso.id }
    expect(await set(subject)).toBe('done')
    const outcome = await world.invoke(technician, 'run_script', one())
    expect(await set({ ...subject, policy: 'default' })).toBe('done')
    expect(outcome.status).toBe(status)
    expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({ details: { confirmation: { asked } } })
  })

  it('lets the most specific rule win and the strictest organization decide', async () => {
    const both = { filter: { organization: [contoso.id, fabrikam.id] }, content: 'true' }
    await set({ policy: 'approver' })
    await set({ policy: 'client', organization: contoso.id })
    expect((await world.invoke(technician, 'run_script', script)).status).toBe('done')
    const held = await world.invoke(technician, 'run_script', both)
    expect(held).toMatchObject({ status: 'held', hold: { state: 'approval_required' } })
    const details = { confirmation: { asked: 'approver', applied: 'approver' } }
    expect(await auditBody(world, held.auditEntry ?? '')).toMatchObject({ details })
    await set({ policy: 'client', organization: fabrikam.id })
    expect((await world.invoke(technician, 'run_script', both)).status).toBe('done')
    for (const organization of [contoso.id, fabrikam.id]) await set({ policy: 'default', organization })
    await set({ policy: 'default' })
  })

  it('that becomes stricter after the preview counts, and one that is loosened does not', async () => {
    const own = { tool: 'run_script', organization: contoso.id }
    const first = await hold(world, technician, 'run_script', script)
    await set({ ...own, policy: 'approver' })
    const held = await world.invoke(technician, 'run_script', { ...script, confirmation: first.token })
    expect(held).toMatchObject({ status: 'held', hold: { state: 'approval_required', operation: first.operation } })
    expect(await commandsOf(world, first.operation)).toEqual([])
    await set({ ...own, policy: 'default' })

    const second = await hold(world, technician, 'run_script', script)
    await set({ ...own, policy: 'client' })
    const done = await world.invoke(technician, 'run_script', { ...script, confirmation: second.token })
    await set({ ...own, policy: 'default' })
    // What was asked when it was previewed is what the audit and the operation tell.
    const details = { confirmation: { asked: 'elicit', applied: 'preview' }, operation: second.operation }
    expect(await auditBody(world, done.auditEntry ?? '')).toMatchObject({ outcome: 'succeeded', details })
  })
})
