import { ALL_SCOPES, EXECUTE_ADMIN } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { legsOf, type Leg } from '../walk/legs.ts'
import { auditBody, codeOf, commandsOf } from './acts.ts'

let aheadMs = 0
let world: Harness
let legs: Record<string, Leg>
let contoso: Organization
let northwind: Organization
let [here, there] = ['', '']
let colleague: Caller
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  legs = legsOf(world)
  contoso = await world.organization('Contoso')
  northwind = await world.organization('Northwind')
  here = await world.device(contoso, 'C-WS-1')
  there = await world.device(northwind, 'N-WS-1')
  colleague = await person()
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})

async function person(role = 'partner_technician', organization: string | null = null): Promise<Caller> {
  return inPerson(await world.user(role, organization))
}
async function inPerson(userId: string): Promise<Caller> {
  const credential = { kind: 'session', id: systemEnvironment.newId(), name: 'console' } as const
  const identity = await world.server.authenticator.userIdentity(userId, credential, '127.0.0.1')
  if (!identity) throw new Error('this person may not sign in')
  return { ...identity, channel: 'console', client: 'a browser' }
}
const newKey = async (scopes = ['ai:read'], role = 'partner_technician', organization: string | null = null) =>
  world.key(await world.user(role, organization), scopes)

const legOf = (name: string): Leg => {
  const leg = legs[name]
  if (!leg) throw new Error(`no leg ${name}`)
  return leg
}
const run = (devices: string | string[]) => ({ devices, content: 'true' })
const asking = (more: object = {}) => ({
  scope: 'ai:execute',
  organization: 'Contoso',
  reason: 'a printer fails',
  ...more,
})

async function ask(key: TestKey, more: object = {}): Promise<string> {
  const outcome = await world.invoke(await world.caller(key), 'request_elevation', asking(more))
  if (outcome.status !== 'held') throw new Error(`not held: ${JSON.stringify(outcome)}`)
  return outcome.hold.operation
}
const decide = (by: Caller, approval: string, decision = 'approve', reason?: string): Promise<Outcome> =>
  world.invoke(by, 'decide_approval', { approval, decision, ...(reason && { reason }) })
async function elevated(key: TestKey, more: object = {}): Promise<string> {
  const operation = await ask(key, more)
  expect(codeOf(await decide(colleague, operation))).toBe('done')
  await world.server.services.approvals.idle()
  const [row] = await world.sql<{ id: string }>('select id from elevations where operation_id = $1', [operation])
  if (!row) throw new Error('nothing was granted')
  return row.id
}
const elevationsOf = (key: TestKey) => world.sql('select from elevations where credential_id = $1', [key.id])
const dataOf = (outcome: Outcome): Record<string, unknown> => ('data' in outcome ? outcome.data : {})
const call = async (key: TestKey, tool: string, input: object) => world.invoke(await world.caller(key), tool, input)

describe.each(['MCP 2025-11-25', 'MCP 2026-07-28', 'REST'])('the life of an elevation over %s', (name) => {
  it('is asked for, granted by a colleague, used there only, and ends by itself', async () => {
    const leg = legOf(name)
    const key = await newKey()
    const id = `${name} ${key.id}`
    expect((await leg.call(key.key, 'run_script', run(here))).code).toBe('insufficient_scope')
    const before = (await leg.list(key.key)).map((tool) => tool.name)
    expect(before).toContain('request_elevation')
    expect(before).not.toContain('run_script')
    const asked = await leg.call(key.key, 'request_elevation', asking({ minutes: 30, reason: id }))
    expect(asked.data).toMatchObject({ state: 'approval_required', operation: expect.any(String) })
    const operation = String(asked.data['operation'])
    expect((await leg.call(key.key, 'run_script', run(here))).code).toBe('insufficient_scope')
    expect(await decide(colleague, operation)).toMatchObject({
      status: 'done',
      data: { approval: { state: 'approved' } },
    })
    await world.server.services.approvals.idle()

    expect((await leg.list(key.key)).map((tool) => tool.name)).toContain('run_script')
    const who = await leg.call(key.key, 'whoami', {})
    expect(who.data).toMatchObject({
      scopes: ['ai:read'],
      elevations: [{ scope: 'ai:execute', organization: contoso.id, ends_at: expect.any(String) }],
    })
    const ran = await leg.call(key.key, 'run_script', run(here))
    expect(ran.code).toBe('done')
    const [entry] = await world.sql<{ body: string }>(
      `select body from audit_entries where body::jsonb ->> 'tool' = 'run_script' and body::jsonb #>> '{credential,id}' = $1
         and body::jsonb ->> 'kind' = 'intent'`,
      [key.id],
    )
    const [granted] = await world.sql<{ id: string }>('select id from elevations where operation_id = $1', [operation])
    expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({
      organization_id: contoso.id,
      details: { elevations: [{ id: granted?.id, scope: 'ai:execute' }] },
    })

    // Elsewhere it reads as before, and that is all; a call over both places does nothing at either.
    expect((await leg.call(key.key, 'get_device_details', { device: there })).code).toBe('done')
    for (const devices of [there, [here, there]]) {
      const refused = await leg.call(key.key, 'run_script', run(devices))
      expect([refused.code, refused.data['remedy']]).toEqual(['not_found', expect.stringContaining('at Contoso')])
    }
    expect(await world.sql('select from device_commands where device_id = $1', [there])).toEqual([])
    // A filter over everything means what may be acted on.
    const wide = await leg.call(key.key, 'run_script', { filter: {}, content: 'true', dry_run: true })
    expect(wide.data).toMatchObject({ plan: { blast_radius: { names: ['C-WS-1'] } } })

    try {
      aheadMs += 30 * 60_000 + 1000
      expect((await leg.call(key.key, 'run_script', run(here))).code).toBe('insufficient_scope')
      expect((await leg.list(key.key)).map((tool) => tool.name)).toEqual(before)
    } finally {
      aheadMs = 0
    }
  })
})

describe('who may grant an elevation', () => {
  it('is no key, not whoever asked, and nobody who holds less', async () => {
    const key = await newKey(['ai:write', 'operations.execute'])
    const operation = await ask(key)
    const other = await world.caller(await newKey([...ALL_SCOPES], 'partner_admin'), 'cli')
    for (const [by, code] of [
      [await inPerson(key.userId), 'forbidden'],
      [other, 'forbidden'],
      [await person('viewer', contoso.id), 'forbidden'],
      [await person('organization_admin', northwind.id), 'not_found'],
    ] as const) {
      expect(codeOf(await decide(by, operation))).toBe(code)
    }
    expect(await elevationsOf(key)).toEqual([])
    for (const tool of ['decide_approval', 'end_elevation'])
      expect(world.server.registry.get(tool)?.surfaces).toEqual(new Set(['console', 'cli']))
    expect(codeOf(await decide(await person('technician', contoso.id), operation))).toBe('done')
    expect(await elevationsOf(key)).toHaveLength(1)
  })

  it('is an administrator for what only administrators grant', async () => {
    const key = await newKey(['ai:execute'], 'organization_admin', contoso.id)
    for (const scope of [EXECUTE_ADMIN, 'administration.write']) {
      const operation = await ask(key, { scope })
      expect(codeOf(await decide(colleague, operation))).toBe('forbidden')
      expect(codeOf(await decide(await person('partner_admin'), operation))).toBe('done')
    }
    expect(await elevationsOf(key)).toHaveLength(2)
  })
})

describe('an elevation adds to scopes and to nothing else', () => {
  it('is refused to a role that could do nothing with it, and to who holds it or acts in person', async () => {
    const viewer = await newKey(['ai:read'], 'viewer', contoso.id)
    expect(codeOf(await call(viewer, 'request_elevation', asking()))).toBe('forbidden')
    const technician = await newKey()
    expect(codeOf(await call(technician, 'request_elevation', asking({ scope: EXECUTE_ADMIN })))).toBe('forbidden')
    expect(codeOf(await call(technician, 'request_elevation', asking({ scope: 'ai:read' })))).toBe('conflict')
    expect(codeOf(await world.invoke(await world.operator(), 'request_elevation', asking()))).toBe('conflict')
    const elsewhere = await newKey(['ai:read'], 'technician', northwind.id)
    expect(codeOf(await call(elsewhere, 'request_elevation', asking()))).toBe('not_found')
    for (const minutes of [4, 481, 7.5])
      expect(codeOf(await call(technician, 'request_elevation', asking({ minutes })))).toBe('invalid_input')
  })

  it('is nothing any more once the role was lowered, before the decision or after it', async () => {
    const key = await newKey()
    await elevated(key)
    const waiting = await newKey()
    const operation = await ask(waiting)
    await world.sql(`update role_assignments set role_id = 'partner_viewer' where user_id = any ($1::uuid[])`, [
      [key.userId, waiting.userId],
    ])
    expect(codeOf(await call(key, 'run_script', run(here)))).toBe('forbidden')
    expect(codeOf(await decide(colleague, operation))).toBe('done')
    await world.server.services.approvals.idle()
    expect(await elevationsOf(waiting)).toEqual([])
  })

  it('does not hand itself on: a key made with it holds what the credential holds by itself', async () => {
    const key = await newKey(['ai:read'], 'partner_admin')
    colleague = await person('partner_admin')
    await elevated(key, { scope: 'administration.write' })
    const make = (scopes: string[]) =>
      call(key, 'create_api_key', { name: 'a child', scopes, organizations: ['Contoso'] })
    const caller = await world.caller(key, 'rest')
    expect(codeOf(await world.invoke(caller, 'create_site', { organization: 'Contoso', name: 'A new site' }))).toBe(
      'done',
    )
    expect(codeOf(await world.invoke(caller, 'create_site', { organization: 'Northwind', name: 'Another' }))).toBe(
      'not_found',
    )
    expect(codeOf(await world.invoke(caller, 'create_organization', { name: 'Fabrikam' }))).toBe('forbidden')
    const child = { name: 'a child', scopes: ['administration.write'], organizations: ['Contoso'] }
    expect(codeOf(await world.invoke(caller, 'create_api_key', child))).toBe('insufficient_scope')
    expect(codeOf(await make(['administration.write']))).toBe('unknown_tool')
    const raised = { organization: 'Contoso', scope: 'ai:execute', reason: 'more' }
    expect((await world.invoke(caller, 'request_elevation', raised)).status).toBe('held')
  })
})

describe('the end of an elevation', () => {
  it('comes when a person says so, at once, and the audit tells', async () => {
    const key = await newKey()
    const elevation = await elevated(key)
    const listed = dataOf(await world.invoke(colleague, 'list_elevations', { credential: key.id }))
    expect(listed).toMatchObject({
      elevations: [{ id: elevation, in_force: true, reason: 'a printer fails', minutes: 60 }],
    })
    const outsider = await person('organization_admin', northwind.id)
    expect(codeOf(await world.invoke(outsider, 'end_elevation', { elevation }))).toBe('not_found')
    expect(codeOf(await world.invoke(colleague, 'end_elevation', { elevation }))).toBe('done')
    expect(codeOf(await call(key, 'run_script', run(here)))).toBe('insufficient_scope')
    expect(codeOf(await world.invoke(colleague, 'end_elevation', { elevation }))).toBe('conflict')
    await told(elevation, 'person', colleague.user.name)
  })

  it('comes with its time, told once to the audit and to open streams', async () => {
    const key = await newKey()
    const elevation = await elevated(key, { minutes: 5 })
    const announced: string[] = []
    const forget = world.server.events.subscribe('administration', () => announced.push('again'))
    try {
      aheadMs += 5 * 60_000 + 1000
      await told(elevation, 'time', null)
      expect(announced.length).toBeGreaterThan(0)
    } finally {
      aheadMs = 0
      forget()
    }
  })

  it('comes with its credential, and with an emergency stop', async () => {
    const [gone, stopped] = [await newKey(), await newKey()]
    const [first, second] = [await elevated(gone), await elevated(stopped)]
    await world.sql('update api_keys set deleted_at = now() where id = $1', [gone.id])
    await told(first, 'credential', null)
    const stop = { action: 'stop', organization: 'Contoso', reason: 'a drill' }
    const lift = { action: 'lift', organization: 'Contoso' }
    expect(codeOf(await world.invoke(await world.operator(), 'emergency_stop', stop))).toBe('done')
    expect(codeOf(await world.invoke(await world.operator(), 'emergency_stop', lift))).toBe('done')
    expect(codeOf(await call(stopped, 'run_script', run(here)))).toBe('insufficient_scope')
    await told(second, 'emergency_stop', (await world.operator()).user.name)
  })

  it('ends what was held for approval meanwhile, too', async () => {
    const key = await newKey()
    const elevation = await elevated(key)
    await world.sql(
      `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values ($1, $2, $3, 'run_script', 'approver')`,
      [systemEnvironment.newId(), world.server.installation.partnerId, contoso.id],
    )
    try {
      const held = await call(key, 'run_script', run(here))
      if (held.status !== 'held') throw new Error('not held')
      await world.invoke(colleague, 'end_elevation', { elevation })
      expect(codeOf(await decide(colleague, held.hold.operation))).toBe('done')
      await world.server.services.approvals.idle()
      expect(await commandsOf(world, held.hold.operation)).toEqual([])
      const shown = await world.invoke(colleague, 'list_approvals', { approval: held.hold.operation })
      expect(dataOf(shown)).toMatchObject({ approvals: [{ result: { code: 'insufficient_scope' } }] })
    } finally {
      await world.sql('delete from confirmation_policies')
    }
  })

  async function told(elevation: string, because: string, by: string | null): Promise<void> {
    const read = () =>
      world.sql<{ body: string }>(
        `select body from audit_entries where body::jsonb ->> 'action' = 'elevation_ended' and body like $1`,
        [`%${elevation}%`],
      )
    // One that was under way had not seen it yet.
    for (let n = 0; n < 2; n += 1) await world.server.services.elevations.sweep()
    const [entry, another] = await read()
    expect(another).toBeUndefined()
    expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({
      organization_id: contoso.id,
      details: { ended_because: because, ended_by: by },
    })
  }
})

describe('asking', () => {
  it('for the same again is the same request; for more than three at once, too much', async () => {
    const key = await newKey()
    const both = await Promise.all([ask(key), ask(key)])
    expect(new Set([...both, await ask(key)]).size).toBe(1)
    await ask(key, { reason: 'another printer' })
    await ask(key, { organization: 'Northwind' })
    expect(codeOf(await call(key, 'request_elevation', asking({ reason: 'yet another' })))).toBe('rate_limited')
    const [rows] = await world.sql<{ n: number }>('select count(*)::int as n from approvals where credential_id = $1', [
      key.id,
    ])
    expect(rows?.n).toBe(3)
  })

  it('is audited as held, decided once, and granted once', async () => {
    const key = await newKey()
    const outcome = await call(key, 'request_elevation', asking())
    expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({
      decision: 'held',
      code: 'approval_required',
      organization_id: contoso.id,
    })
    const operation = outcome.status === 'held' ? outcome.hold.operation : ''
    const decisions = await Promise.all(Array.from({ length: 10 }, () => decide(colleague, operation)))
    expect(decisions.filter((one) => one.status === 'done')).toHaveLength(1)
    await world.server.services.approvals.idle()
    expect(await elevationsOf(key)).toHaveLength(1)
    expect(codeOf(await call(key, 'request_elevation', asking()))).toBe('conflict')
  })

  it('can be denied, and reported as suspicious', async () => {
    const key = await newKey()
    expect(codeOf(await decide(colleague, await ask(key), 'deny', 'Not today.'))).toBe('done')
    expect(codeOf(await decide(colleague, await ask(key), 'report', 'Nobody asked for it.'))).toBe('done')
    expect(await elevationsOf(key)).toEqual([])
    await expect(world.caller(key)).rejects.toThrow('does not open')
  })

  it('runs under no other policy, nor by a token', async () => {
    const key = await newKey()
    const preview = await call(key, 'preview_action', { tool: 'request_elevation', input: asking() })
    const { confirmation } = dataOf(preview) as { confirmation: { token: string } }
    const held = await call(key, 'request_elevation', asking({ confirmation: confirmation.token }))
    expect(held).toMatchObject({ status: 'held', hold: { state: 'approval_required' } })
    expect(await elevationsOf(key)).toEqual([])
  })
})
