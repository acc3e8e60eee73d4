import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digest } from '../../src/kernel/canonical.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { auditBody, codeOf, commandsOf, stateOf } from './acts.ts'

let aheadMs = 0
let world: Harness
let key: TestKey
let colleague: Caller
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  key = await world.key(await world.user('partner_technician'), ['ai:execute'])
})
afterAll(() => world.stop())

/** A person signed in at the console, as its adapter would see them. */
async function person(role = 'partner_technician', organization: string | null = null): Promise<Caller> {
  const userId = await world.user(role, organization)
  const credential = { kind: 'session', id: systemEnvironment.newId(), name: 'console' } as const
  const identity = await world.server.authenticator.userIdentity(userId, credential, '127.0.0.1')
  if (!identity) throw new Error('this person may not sign in')
  return { ...identity, channel: 'console', client: 'a browser' }
}

let made = 0
interface Place {
  organization: Organization
  devices: string[]
  input: { filter: object; content: string }
}
/** An organization whose scripts a second person must approve. */
async function place(devices = 2): Promise<Place> {
  made += 1
  const organization = await world.organization(`Held ${made}`)
  const ids: string[] = []
  for (let n = 1; n <= devices; n += 1) ids.push(await world.device(organization, `H${made}-WS-${n}`))
  await world.sql(
    `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values ($1, $2, $3, 'run_script', 'approver')`,
    [systemEnvironment.newId(), world.server.installation.partnerId, organization.id],
  )
  colleague = await person()
  return { organization, devices: ids.sort(), input: { filter: { organization: organization.id }, content: 'true' } }
}

async function ask(input: object, by: TestKey = key): Promise<{ operation: string; auditEntry: string }> {
  const outcome = await world.invoke(await world.caller(by), 'run_script', input)
  if (outcome.status !== 'held' || outcome.hold.state !== 'approval_required')
    throw new Error(`not held for approval: ${JSON.stringify(outcome)}`)
  return { operation: outcome.hold.operation, auditEntry: outcome.auditEntry }
}

const decide = (by: Caller, approval: string, decision = 'approve', reason?: string): Promise<Outcome> =>
  world.invoke(by, 'decide_approval', { approval, decision, ...(reason && { reason }) })

const dataOf = (outcome: Outcome): Record<string, unknown> => ('data' in outcome ? outcome.data : {})

async function entriesOf(operation: string) {
  const rows = await world.sql<{ body: string }>(
    `select body from audit_entries where body::jsonb #>> '{details,operation}' = $1 order by seq`,
    [operation],
  )
  return rows.map((row) => JSON.parse(row.body) as Awaited<ReturnType<typeof auditBody>>)
}

describe('a call that a second person must approve', () => {
  it('waits, and runs once as its requester when a colleague approves', async () => {
    const { devices, input } = await place()
    const { operation, auditEntry } = await ask(input)
    expect(await stateOf(world, operation)).toBe('awaiting_approval')
    expect(await commandsOf(world, operation)).toEqual([])
    expect(await auditBody(world, auditEntry)).toMatchObject({
      decision: 'held',
      code: 'approval_required',
      details: { confirmation: { asked: 'approver', applied: 'approver' }, operation },
    })
    const decided = await decide(colleague, operation)
    expect(decided).toMatchObject({ status: 'done', data: { approval: { state: 'approved' } } })
    expect(await commandsOf(world, operation)).toEqual(devices)
    await expect
      .poll(async () => (await entriesOf(operation)).filter((entry) => entry?.kind === 'outcome').at(-1))
      .toMatchObject({
        outcome: 'succeeded',
        tool: 'run_script',
        actor: { user_id: key.userId },
        details: { approval: { approved_by: colleague.user.name } },
      })
    const told = await world.invoke(await world.caller(key), 'get_operation', { operation })
    expect(dataOf(told)).toMatchObject({ state: 'queued', approval: { state: 'approved' } })
  })

  it('is decided once by fifty at the same moment', async () => {
    const { devices, input } = await place(3)
    const { operation } = await ask(input)
    const people = [colleague, await person(), await person('partner_admin')]
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => {
        const by = people[n % people.length] ?? colleague
        return n % 5 === 4 ? decide(by, operation, 'deny', 'a test') : decide(by, operation)
      }),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'done')).toHaveLength(1)
    expect(new Set(outcomes.map(codeOf))).toEqual(new Set(['done', 'conflict']))
    const approved = outcomes.some((outcome) => 'text' in outcome && outcome.text.startsWith('Approved'))
    expect(await commandsOf(world, operation)).toEqual(approved ? devices : [])
    const all = await world.sql('select from device_commands where device_id = any ($1::uuid[])', [devices])
    expect(all).toHaveLength(approved ? 3 : 0)
  })

  it('can be confirmed by a token and waits all the same', async () => {
    const { devices, input } = await place()
    const technician = await world.caller(key)
    const preview = await world.invoke(technician, 'preview_action', { tool: 'run_script', input })
    const { confirmation } = dataOf(preview) as { confirmation: { token: string } }
    expect(JSON.stringify(preview)).toContain('a second person must approve it')
    const { operation } = await ask({ ...input, confirmation: confirmation.token })
    const again = await world.invoke(technician, 'run_script', { ...input, confirmation: confirmation.token })
    expect(codeOf(again)).toBe('confirmation_invalid')
    expect(codeOf(await decide(colleague, operation))).toBe('done')
    expect(await commandsOf(world, operation)).toEqual(devices)
  })

  it('keeps its input sealed and shows it masked', async () => {
    const { input } = await place()
    const secret = 'hunter2-correct-horse'
    const { operation } = await ask({ ...input, content: `deploy --password ${secret}` })
    const [row] = await world.sql<{ text: string }>(
      `select (to_jsonb(a) || to_jsonb(o))::text || encode(a.input, 'escape') as text
       from approvals a join operations o on o.id = a.operation_id where o.id = $1`,
      [operation],
    )
    expect(row?.text).not.toContain(secret)
    const shown = await world.invoke(colleague, 'list_approvals', { approval: operation })
    expect(dataOf(shown)).toMatchObject({ approvals: [{ may_decide: true, state: 'pending' }] })
    expect(JSON.stringify(shown)).toContain('deploy')
    expect(JSON.stringify(shown)).not.toContain(secret)
    expect(codeOf(await decide(colleague, operation, 'deny', 'not today'))).toBe('done')
    await world.server.services.approvals.sweep()
    expect(await world.sql('select input from approvals where operation_id = $1', [operation])).toEqual([
      { input: Buffer.alloc(0) },
    ])
  })
})

describe('who may decide', () => {
  it('is not whoever asked, nor a key, nor somebody who could not do it', async () => {
    const { organization, input } = await place()
    const { operation } = await ask(input)
    const asker = await world.server.authenticator.userIdentity(
      key.userId,
      { kind: 'session', id: 'x', name: 'console' },
      null,
    )
    const helper = await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute']), 'cli')
    const elsewhere = await person('organization_admin', (await world.organization(`Elsewhere ${made}`)).id)
    const viewer = await person('viewer', organization.id)
    if (!asker) throw new Error('no asker')
    for (const [by, code] of [
      [{ ...asker, channel: 'console', client: null } satisfies Caller, 'forbidden'],
      [helper, 'forbidden'],
      [elsewhere, 'not_found'],
      [viewer, 'forbidden'],
    ] as const) {
      const outcome = await decide(by, operation)
      expect(codeOf(outcome)).toBe(code)
      expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({ decision: 'denied', code })
    }
    expect(await commandsOf(world, operation)).toEqual([])
    expect(world.server.registry.get('decide_approval')?.surfaces).toEqual(new Set(['console', 'cli']))
  })

  it('is whoever asked where the organization says so', async () => {
    const { organization, input } = await place()
    await world.sql('update organizations set requester_may_decide = true where id = $1', [organization.id])
    const { operation } = await ask(input)
    const credential = { kind: 'session', id: 'x', name: 'console' } as const
    const asker = await world.server.authenticator.userIdentity(key.userId, credential, null)
    if (!asker) throw new Error('no asker')
    expect(codeOf(await decide({ ...asker, channel: 'console', client: null }, operation))).toBe('done')
  })
})

describe('a decision', () => {
  it('to deny needs a reason, which whoever asked reads', async () => {
    const { input } = await place()
    const { operation } = await ask(input)
    expect(codeOf(await decide(colleague, operation, 'deny'))).toBe('invalid_input')
    expect(codeOf(await decide(colleague, operation, 'deny', 'Not before Friday.'))).toBe('done')
    expect(codeOf(await decide(colleague, operation))).toBe('conflict')
    const told = await world.invoke(await world.caller(key), 'get_operation', { operation })
    expect(dataOf(told)).toMatchObject({ state: 'cancelled', approval: { state: 'denied' } })
    expect(JSON.stringify(told)).toContain('Not before Friday.')
    expect(await commandsOf(world, operation)).toEqual([])
  })

  it('to report ends the key that asked and whatever else of it waits', async () => {
    const { input } = await place()
    const doomed = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const first = await ask(input, doomed)
    const second = await ask({ ...input, content: 'false' }, doomed)
    const outcome = await decide(colleague, first.operation, 'report', 'Nobody here asked for this.')
    expect(codeOf(outcome)).toBe('done')
    expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({
      tool: 'decide_approval',
      action: 'report',
    })
    await expect(world.caller(doomed)).rejects.toThrow('does not open')
    expect(await stateOf(world, second.operation)).toBe('cancelled')
    expect(codeOf(await decide(colleague, second.operation))).toBe('conflict')
  })

  it('comes too late after the request expired', async () => {
    const { organization, input } = await place()
    await world.sql('update organizations set approval_hours = 2 where id = $1', [organization.id])
    const { operation } = await ask(input)
    try {
      aheadMs += 2 * 3_600_000 + 1000
      expect(codeOf(await decide(colleague, operation))).toBe('conflict')
      await world.server.services.approvals.sweep()
      expect(await stateOf(world, operation)).toBe('expired')
    } finally {
      aheadMs = 0
    }
  })
})

describe('between asking and approving', () => {
  const refusals: [string, string, (at: Place, own: TestKey) => Promise<unknown>][] = [
    [
      'the key was deleted',
      'unauthenticated',
      (_, own) => change('update api_keys set deleted_at = now() where id = $1', own.id),
    ],
    [
      'its addresses were narrowed',
      'unauthenticated',
      (_, own) => change(`update api_keys set ip_allow_list = '{203.0.113.0/24}' where id = $1`, own.id),
    ],
    [
      'the user was disabled',
      'unauthenticated',
      (_, own) => change('update users set disabled_at = now() where id = $1', own.userId),
    ],
    [
      'the scope was taken',
      'insufficient_scope',
      (_, own) => change(`update api_keys set scopes = '{ai:write}' where id = $1`, own.id),
    ],
    [
      'the role was lowered',
      'forbidden',
      (_, own) => change(`update role_assignments set role_id = 'partner_viewer' where user_id = $1`, own.userId),
    ],
    [
      'a device was removed',
      'confirmation_invalid',
      ({ devices }) => change('update devices set removed_at = now() where id = $1', devices[0]),
    ],
    [
      'the request was altered',
      'confirmation_invalid',
      ({ organization }) =>
        change(
          `update operations set effect_digest = '\\x00' where organization_ids = array[$1::uuid]`,
          organization.id,
        ),
    ],
  ]
  const change = (text: string, id: string | undefined) => world.sql(text, [id])

  it.each(refusals)('%s: approved, it is refused with %s and audited', async (_, code, alter) => {
    const at = await place()
    const own = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const { operation } = await ask(at.input, own)
    await alter(at, own)
    expect(codeOf(await decide(colleague, operation))).toBe('done')
    await expect.poll(() => stateOf(world, operation)).toBe('failed')
    expect(await commandsOf(world, operation)).toEqual([])
    const shown = await world.invoke(colleague, 'list_approvals', { approval: operation })
    expect(dataOf(shown)).toMatchObject({ approvals: [{ result: { code } }] })
    const entries = await world.sql(
      `select from audit_entries where body::jsonb #>> '{details,approval,approved_by}' = $1
         and body::jsonb ->> 'code' = $2 and body::jsonb ->> 'decision' = 'denied' and body::jsonb ->> 'tool' = 'run_script'`,
      [colleague.user.name, code],
    )
    expect(entries.length).toBeGreaterThan(0)
  })

  it.each([
    ['was edited', 'save_script', { content: 'echo other' }, 'confirmation_invalid'],
    ['was archived', 'archive_script', {}, 'not_found'],
  ])('its library script %s: approved, it is refused, audited, and nothing runs', async (_, tool, more, code) => {
    const { organization, input } = await place()
    const script = `Library ${made}`
    const saved = { name: script, language: 'sh', content: 'echo this', organization: organization.id }
    const author = await world.caller(key)
    expect(codeOf(await world.invoke(author, 'save_script', saved))).toBe('done')
    const { operation } = await ask({ filter: input.filter, script })
    expect(codeOf(await world.invoke(author, tool, { script, ...more }))).toBe('done')
    await world.device(organization, 'Late')
    expect(codeOf(await decide(colleague, operation))).toBe('done')
    await expect.poll(() => stateOf(world, operation)).toBe('failed')
    const shown = await world.invoke(colleague, 'list_approvals', { approval: operation })
    expect(dataOf(shown)).toMatchObject({ approvals: [{ result: { code, text: expect.any(String) } }] })
    const commands = 'select from device_commands c join devices d on d.id = c.device_id where d.organization_id = $1'
    expect(await world.sql(commands, [organization.id])).toEqual([])
    const refusals = (await entriesOf(operation)).filter((entry) => entry?.decision === 'denied')
    expect(refusals.map((entry) => entry?.code)).toContain(code)
  })

  it('no digest of its input can be guessed against, and what waited under the former ones is void', async () => {
    const { input } = await place()
    const { operation } = await ask(input)
    const digests = await world.sql<{ input_digest: Buffer }>('select input_digest from operations where id = $1', [
      operation,
    ])
    const call = world.server.registry.get('run_script')?.parse(input)
    const guess = digest({ tool: 'run_script', input: call?.input })
    expect(digests[0]?.input_digest).toHaveLength(32)
    expect(digests[0]?.input_digest.equals(guess)).toBe(false)
    await world.sql('update operations set input_digest = $2 where id = $1', [operation, guess])
    expect(codeOf(await decide(colleague, operation))).toBe('done')
    await expect.poll(() => stateOf(world, operation)).toBe('failed')
    expect(await commandsOf(world, operation)).toEqual([])
  })

  it('a stop cancels it, and a device added later is not touched', async () => {
    const stopped = await place()
    const first = await ask(stopped.input)
    const stop = { action: 'stop', organization: stopped.organization.id, reason: 'a test' }
    expect(codeOf(await world.invoke(await world.operator(), 'emergency_stop', stop))).toBe('done')
    expect(codeOf(await decide(await person(), first.operation))).toBe('emergency_stop')
    expect(await stateOf(world, first.operation)).toBe('cancelled')

    const grown = await place()
    const second = await ask(grown.input)
    await world.device(grown.organization, 'Late')
    expect(codeOf(await decide(colleague, second.operation))).toBe('done')
    expect(await commandsOf(world, second.operation)).toEqual(grown.devices)
  })
})

describe('after a key read what a device wrote', () => {
  it('its tier 3 calls need a second person for so long, where the organization wants that', async () => {
    const at = await place(1)
    const own = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const plain = await world.organization(`Plain ${made}`)
    const caller = await world.caller(own)
    const device = await world.device(plain, 'PL-WS-1')
    const run = () => world.invoke(caller, 'run_script', { devices: device, content: 'true' })
    await world.invoke(caller, 'get_event_logs', { device: at.devices[0] })
    expect(codeOf(await run())).toBe('done')
    const settings = { organization: plain.id, untrusted_minutes: 15 }
    const set = await world.invoke(await world.operator(), 'update_organization', settings)
    expect(dataOf(set)).toMatchObject({ untrusted_minutes: 15, requester_may_decide: false, approval_hours: 24 })
    try {
      expect(await run()).toMatchObject({ status: 'held', hold: { state: 'approval_required' } })
      const [row] = await world.sql('select because from approvals where credential_id = $1', [own.id])
      expect(row).toEqual({ because: 'untrusted_text' })
      const loosened = { organization: plain.id, untrusted_minutes: 0 }
      const admin = await world.key(await world.user('partner_admin'), ['administration.write'])
      const helper = await world.caller(admin, 'rest')
      expect(codeOf(await world.invoke(helper, 'update_organization', loosened))).toBe('forbidden')
      // What it ran answers with what the device says: that counts as reading, too.
      aheadMs += 15 * 60_000 + 20_000
      expect(codeOf(await run())).toBe('done')
      expect((await run()).status).toBe('held')
    } finally {
      aheadMs = 0
    }
  })
})
