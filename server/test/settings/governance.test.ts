import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, denial, done, inPerson } from './answers.ts'

let h: Harness
let operator: Caller
let acme: Organization
let globex: Organization

beforeAll(async () => {
  h = await boot()
  acme = await h.organization('Acme')
  globex = await h.organization('Globex')
  operator = await h.operator()
})
afterAll(() => h.stop())

const keyOf = async (role: string, organization: string | null, scopes: string[]) =>
  h.key(await h.user(role, organization), scopes)
const act = (caller: Caller, organization = 'Acme') =>
  h.invoke(caller, 'create_site', { name: `Site ${Math.random()}`, organization })

describe('emergency_stop', () => {
  it('of everything refuses all acts but its own lifting, and reading goes on', async () => {
    const stopped = done(
      await h.invoke(operator, 'emergency_stop', { action: 'stop', everything: true, reason: 'drill' }),
    )
    expect(stopped).toMatchObject({ stopped: true, subject: { kind: 'everything', name: 'everybody' } })
    const now = await h.operator()
    expect(denial(await act(now))).toMatchObject({ code: 'emergency_stop', reason: expect.stringContaining('drill') })
    expect(code(await h.invoke(now, 'list_organizations', {}))).toBe('done')
    expect(done(await h.invoke(now, 'emergency_stop', { action: 'status' }))['stops']).toMatchObject([
      { kind: 'everything', reason: 'drill' },
    ])
    expect(done(await h.invoke(now, 'emergency_stop', { action: 'lift', everything: true }))).toMatchObject({
      stopped: false,
    })
    expect(code(await act(await h.operator()))).toBe('done')
    expect(code(await h.invoke(await h.operator(), 'emergency_stop', { action: 'lift', everything: true }))).toBe(
      'conflict',
    )
  })

  it('of an organization refuses acts on it only', async () => {
    done(await h.invoke(operator, 'emergency_stop', { action: 'stop', organization: 'Acme', reason: 'breach' }))
    const now = await h.operator()
    expect(code(await act(now, 'Acme'))).toBe('emergency_stop')
    expect(code(await act(now, 'Globex'))).toBe('done')
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    expect(denial(await h.invoke(admin, 'emergency_stop', { action: 'lift', organization: 'Acme' }))).toMatchObject({
      code: 'forbidden',
      reason: "The partner's own people set this stop.",
    })
    done(await h.invoke(now, 'emergency_stop', { action: 'lift', organization: 'Acme' }))
    done(await h.invoke(admin, 'emergency_stop', { action: 'stop', organization: 'Acme', reason: 'our own' }))
    expect(done(await h.invoke(admin, 'emergency_stop', { action: 'status' }))['stops']).toMatchObject([
      { id: acme.id, reason: 'our own' },
    ])
    done(await h.invoke(admin, 'emergency_stop', { action: 'lift', organization: 'Acme' }))
  })

  it("set by somebody of the partner's own with a role in the organization is theirs to lift", async () => {
    const made = done(
      await h.invoke(operator, 'create_user', {
        email: 'lead@msp.test',
        role: 'organization_admin',
        organizations: ['Acme'],
        belongs_to: 'partner',
      }),
    )
    const lead = await inPerson(h, made['id'])
    expect(lead.partner).toBeNull()
    done(await h.invoke(lead, 'emergency_stop', { action: 'stop', organization: 'Acme', reason: 'mine' }))
    expect(done(await h.invoke(lead, 'emergency_stop', { action: 'lift', organization: 'Acme' }))).toMatchObject({
      stopped: false,
    })
    const service = { kind: 'service', name: 'Lead sync', role: 'viewer', organizations: 'Acme' }
    expect(done(await h.invoke(lead, 'create_user', service))).toMatchObject({ name: 'Lead sync', email: null })
  })

  it('of a credential refuses its acts, and it cannot set itself free', async () => {
    const key = await keyOf('partner_admin', null, ['administration.write', 'ai:execute'])
    expect(code(await act(await h.caller(key, 'rest')))).toBe('done')
    done(await h.invoke(operator, 'emergency_stop', { action: 'stop', credential: key.id, reason: 'odd' }))
    const caller = await h.caller(key, 'rest')
    expect(code(await act(caller))).toBe('emergency_stop')
    expect(code(await h.invoke(caller, 'emergency_stop', { action: 'lift', credential: key.id }))).toBe('forbidden')
    expect(code(await act(await h.operator()))).toBe('done')
    done(await h.invoke(operator, 'emergency_stop', { action: 'lift', credential: key.id }))
    expect(code(await act(await h.caller(key, 'rest')))).toBe('done')
  })

  it('cancels what waits for a confirmation, and commands that are still queued', async () => {
    const device = await h.device(acme, 'srv-1', { role: 'server' })
    const key = await keyOf('partner_admin', null, ['ai:execute'])
    const caller = await h.caller(key, 'rest')
    const input = { devices: [device], content: 'true', language: 'bash' }
    const waiting = await h.invoke(caller, 'run_script', input)
    expect(waiting.status).toBe('held')
    if (waiting.status !== 'held') return
    const held = await h.invoke(caller, 'run_script', { ...input, content: 'echo 2' })
    const token = held.status === 'held' ? held.hold.confirmation?.token : undefined
    const signal = AbortSignal.timeout(500)
    const ran = await h.server.door.invoke(
      caller,
      'run_script',
      { ...input, content: 'echo 2', confirmation: token },
      { surface: 'rest', signal },
    )
    expect(code(ran)).toBe('done')
    const stopped = done(
      await h.invoke(operator, 'emergency_stop', { action: 'stop', credential: key.id, reason: 'odd' }),
    )
    expect(stopped['cancelled']).toEqual({ operations: 1, commands: 1 })
    expect((await h.sql('select state from operations where id = $1', [waiting.hold.operation]))[0]).toEqual({
      state: 'cancelled',
    })
    expect(await h.sql('select state from device_commands')).toEqual([{ state: 'cancelled' }])
  })

  it('asks for a subject, a reason and the right', async () => {
    const bad = [
      { action: 'stop', reason: 'x' },
      { action: 'stop', everything: true },
      { action: 'stop', everything: true, organization: 'Acme', reason: 'x' },
      { action: 'panic' },
    ]
    for (const input of bad)
      expect([input, code(await h.invoke(operator, 'emergency_stop', input))]).toEqual([input, 'invalid_input'])
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    expect(code(await h.invoke(admin, 'emergency_stop', { action: 'stop', everything: true, reason: 'x' }))).toBe(
      'forbidden',
    )
    expect(
      code(await h.invoke(admin, 'emergency_stop', { action: 'stop', organization: globex.id, reason: 'x' })),
    ).toBe('not_found')
    const technician = await inPerson(h, await h.user('technician', acme.id))
    expect(
      code(await h.invoke(technician, 'emergency_stop', { action: 'stop', organization: 'Acme', reason: 'x' })),
    ).toBe('forbidden')
    const reader = await h.caller(await keyOf('partner_admin', null, ['administration.read']), 'rest')
    expect(code(await h.invoke(reader, 'emergency_stop', { action: 'stop', everything: true, reason: 'x' }))).toBe(
      'insufficient_scope',
    )
  })
})

describe('confirmation policies', () => {
  it('hold the next call, are listed, and go away again', async () => {
    const rule = { policy: 'preview', organization: 'Globex', tool: 'create_site' }
    expect(done(await h.invoke(operator, 'set_confirmation_policy', rule))).toMatchObject({
      organization: { name: 'Globex' },
      policy: 'preview',
    })
    expect((await act(operator, 'Globex')).status).toBe('held')
    expect((await act(operator, 'Acme')).status).toBe('done')
    expect(done(await h.invoke(operator, 'list_confirmation_policies', {}))).toMatchObject({
      total: 1,
      policies: [
        {
          organization: { id: globex.id, name: 'Globex' },
          tool: 'create_site',
          tier: null,
          area: null,
          policy: 'preview',
        },
      ],
    })
    done(await h.invoke(operator, 'set_confirmation_policy', { ...rule, policy: 'default' }))
    expect(done(await h.invoke(operator, 'list_confirmation_policies', {}))['total']).toBe(0)
    expect((await act(operator, 'Globex')).status).toBe('done')
  })

  it('are confirmed once: the held call goes through with its token and not twice', async () => {
    done(await h.invoke(operator, 'set_confirmation_policy', { policy: 'preview', area: 'administration', tier: 2 }))
    const input = { name: 'Held', organization: 'Acme' }
    const held = await h.invoke(operator, 'create_site', input)
    const token = held.status === 'held' ? held.hold.confirmation?.token : undefined
    expect(code(await h.invoke(operator, 'create_site', { ...input, confirmation: token }))).toBe('done')
    expect(code(await h.invoke(operator, 'create_site', { ...input, confirmation: token }))).not.toBe('done')
    const back = { policy: 'default', area: 'administration', tier: 2 }
    const asked = await h.invoke(operator, 'set_confirmation_policy', back)
    const again = asked.status === 'held' ? asked.hold.confirmation?.token : undefined
    done(await h.invoke(operator, 'set_confirmation_policy', { ...back, confirmation: again }))
  })

  it('are not for keys, other tenants or bad input', async () => {
    const key = await h.caller(await keyOf('partner_admin', null, ['administration.write']), 'rest')
    expect(code(await h.invoke(key, 'set_confirmation_policy', { policy: 'client', tier: 3 }))).toBe('forbidden')
    const admin = await inPerson(h, await h.user('organization_admin', acme.id))
    expect(code(await h.invoke(admin, 'set_confirmation_policy', { policy: 'preview', organization: 'Globex' }))).toBe(
      'not_found',
    )
    expect(code(await h.invoke(admin, 'set_confirmation_policy', { policy: 'preview' }))).toBe('forbidden')
    expect(code(await h.invoke(operator, 'set_confirmation_policy', { policy: 'maybe' }))).toBe('invalid_input')
    expect(code(await h.invoke(operator, 'set_confirmation_policy', { policy: 'preview', tier: 1 }))).toBe(
      'invalid_input',
    )
  })
})

describe('tier 4', () => {
  const refused: [string, Record<string, unknown>][] = [
    ['manage_organization', { action: 'delete', organization: 'Acme' }],
    ['manage_audit', { action: 'disable' }],
    ['export_secrets', {}],
    ['change_own_rights', { roles: ['partner_admin'] }],
  ]

  it('is refused to everybody on every surface, audited, and listed to nobody', async () => {
    const key = await keyOf('partner_admin', null, ['ai:execute', 'ai:execute_admin', 'administration.execute'])
    const callers = [
      operator,
      await h.caller(key, 'rest'),
      await h.caller(key, 'mcp'),
      { ...operator, channel: 'console' as const },
    ]
    for (const caller of callers) {
      for (const [tool, input] of refused) {
        const outcome = await h.invoke(caller, tool, input)
        expect([tool, code(outcome)]).toEqual([tool, 'blocked'])
        const [entry] = await h.sql<{ decision: string; tier: number }>(
          'select decision, tier from audit_entries where id = $1',
          [outcome.auditEntry],
        )
        expect(entry).toEqual({ decision: 'denied', tier: 4 })
      }
    }
    const listed = JSON.stringify(h.server.door.list(await h.caller(key, 'mcp'), 'mcp').tools)
    for (const word of ['manage_organization', 'export_secrets', 'change_own_rights', '"disable"'])
      expect(listed).not.toContain(word)
  })
})

describe('manage_audit', () => {
  it('verifies the chain, and names the first entry that was changed', async () => {
    const whole = done(await h.invoke(operator, 'manage_audit', { action: 'verify' }))
    expect(whole).toMatchObject({ ok: true, entries: expect.any(Number) })
    expect(whole['entries']).toBeGreaterThan(10)
    const [victim] = await h.sql<{ id: string; body: string }>(
      'select id, body from audit_entries order by seq offset 3 limit 1',
    )
    await h.sql('update audit_entries set body = body || $2 where id = $1', [victim?.id, ' '])
    expect(done(await h.invoke(operator, 'manage_audit', { action: 'verify' }))).toMatchObject({
      ok: false,
      first_broken: { id: victim?.id, seq: 4, problem: 'its text was changed' },
    })
    await h.sql('update audit_entries set body = $2 where id = $1', [victim?.id, victim?.body])
  })

  it("tells an organization's own people nothing of the others' entries", async () => {
    const admin = await inPerson(h, await h.user('organization_admin', globex.id))
    const answer = done(await h.invoke(admin, 'manage_audit', { action: 'verify' }))
    const [own] = await h.sql<{ n: number }>(
      'select count(*)::int as n from audit_entries where organization_id = $1',
      [globex.id],
    )
    expect(Math.abs(answer['entries'] - (own?.n ?? 0))).toBeLessThanOrEqual(1)
    const technician = await inPerson(h, await h.user('technician', globex.id))
    expect(code(await h.invoke(technician, 'manage_audit', { action: 'verify' }))).toBe('forbidden')
  })
})
