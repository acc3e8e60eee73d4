/** What bounds and records an act once it is let in: the limit per tool, the hold, the frozen targets, its end. */
import { randomUUID } from 'node:crypto'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { OperationKeeper } from '../../src/domains/operations/service.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { defineTool } from '../../src/kernel/tool.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { each, legsOf, type Leg } from '../walk/legs.ts'
import { steps, type Step } from '../walk/samples.ts'
import { furnish, type Furnished } from '../walk/world.ts'

const LIMIT = 3

/** A tool with a defect: it goes on after one of its statements failed. */
const swallower = defineTool({
  name: 'swallow_error',
  title: 'Swallow',
  description: 'Ignores that a statement failed, for this test.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'cli'],
  actions: { tier: 2, permission: 'devices.write' },
  input: z.object({}),
  output: z.object({}),
  run: async ({ tx }) => {
    await tx.prepared('swallowed', 'select 1 / 0', []).catch(() => undefined)
  },
  present: () => ({ text: 'done', data: {} }),
})

let world: Harness
let home: Furnished
let fabrikam: Organization
let legs: Record<string, Leg> = {}
let all: Step[]
let adminUser: string

beforeAll(async () => {
  world = await boot({
    env: { BREEZE_ENV: 'development', BREEZE_TOOL_CALLS_PER_MINUTE: String(LIMIT) },
    extraTools: [swallower],
  })
  home = await furnish(world, 'Northwind')
  fabrikam = await world.organization('Fabrikam')
  legs = legsOf(world)
  all = steps(world.server.registry.all(), home.things).filter(
    ({ tool, action }) => tool !== swallower && action.tier < 4 && tool.name !== 'preview_action',
  )
  adminUser = await world.user('partner_admin')
})
afterEach(async () => {
  await world.sql('delete from confirmation_policies')
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})

/** The limit is counted per credential: each test brings its own. */
const fresh = async (): Promise<Caller> => world.caller(await world.key(adminUser, [...ALL_SCOPES]))
const heldOf = (outcome: unknown) =>
  z.object({ hold: z.object({ operation: z.string(), confirmation: z.object({ token: z.string() }) }) }).parse(outcome)
    .hold

describe.each(['MCP 2025-11-25', 'MCP 2026-07-28', 'HTTP+SSE', 'REST', 'CLI'])('over %s', (name) => {
  it('each act is refused beyond its limit a minute, says when to come back, and reads are not', async () => {
    const leg = legs[name]
    if (!leg) throw new Error(`no leg ${name}`)
    // Held by policy, so that none of them changes what the next one needs; a key may not loosen such a policy.
    await world.sql(
      `insert into confirmation_policies (id, partner_id, tool, policy) select gen_random_uuid(), $1, tool, 'preview' from unnest($2::text[]) tool`,
      [
        world.server.installation.partnerId,
        [...new Set(all.map((step) => step.tool.name))].filter((tool) => tool !== 'set_confirmation_policy'),
      ],
    )
    const tools = new Map(
      all.filter((step) => step.tool.surfaces.has(leg.surface)).map((step) => [step.tool.name, step]),
    )
    const { key } = await world.key(adminUser, [...ALL_SCOPES])
    const counted = new Set<string>()
    await each([...tools.values()], async (step) => {
      const codes: string[] = []
      for (let n = 0; n <= LIMIT; n += 1) codes.push((await leg.call(key, step.tool.name, step.input)).code)
      // Refused for what it asks before it could count: a key rotates only its own, and loosens no policy.
      if (codes[0] === 'forbidden') return
      // It holds all that it could ask for.
      if (step.tool.needsApprover) return expect(codes).toEqual(codes.map(() => 'conflict'))
      counted.add(step.tool.name)
      const last = await leg.call(key, step.tool.name, step.input)
      const expected = step.action.tier === 1 ? 'done' : 'rate_limited'
      expect([step.title, codes.at(-1), last.code]).toEqual([step.title, expected, expected])
      expect([step.title, codes.slice(0, LIMIT)]).toEqual([
        step.title,
        Array.from({ length: LIMIT }, () => expect.stringMatching(/^(done|held)$/)),
      ])
      if (step.action.tier > 1)
        expect(last.data).toMatchObject({ retry_after_seconds: expect.any(Number), audit_entry: expect.any(String) })
    })
    expect([...counted]).toEqual(expect.arrayContaining(['run_script', 'device_actions', 'cancel_operation']))
  })

  it('nothing runs of what is held, and its answer is the plan, the token and the entry', async () => {
    const leg = legs[name]
    const { key } = await world.key(adminUser, [...ALL_SCOPES])
    const server = await world.device(home, `SRV-${name.replaceAll(/\W/g, '')}`, { role: 'server' })
    for (const [tool, more] of [
      ['run_script', { content: 'true' }],
      ['device_actions', { action: 'reboot' }],
    ] as const) {
      const ended = await leg?.call(key, tool, { ...more, devices: server })
      expect(ended?.code).toBe('held')
      expect(ended?.data).toMatchObject({
        state: 'confirmation_required',
        plan: { blast_radius: { devices: 1, servers: 1 } },
        confirmation: { token: expect.stringMatching(/^brzc_/), expires_at: expect.any(String) },
        audit_entry: expect.any(String),
      })
    }
    expect(await world.sql('select id from device_commands where device_id = $1', [server])).toEqual([])
  })
})

describe('the audit of a confirmed act', () => {
  it('names what was acted on, not what the same words mean by now', async () => {
    const caller = await fresh()
    await world.device(home, 'LAB-1')
    await world.device(home, 'LAB-2')
    const input = { filter: { text: 'LAB-' }, content: 'true' }
    const { confirmation } = heldOf(await world.invoke(caller, 'run_script', input))
    const joined = await world.device(fabrikam, 'LAB-3')
    const outcome = await world.invoke(caller, 'run_script', { ...input, confirmation: confirmation.token })
    expect(outcome).toMatchObject({ status: 'done', data: { total: 2 } })
    const entries = await world.sql<{ kind: string; organization_id: string | null; body: string }>(
      'select kind, organization_id, body from audit_entries where call_id = (select call_id from audit_entries where id = $1)',
      [outcome.auditEntry],
    )
    expect(entries.map((entry) => [entry.kind, entry.organization_id]).sort()).toEqual([
      ['intent', home.id],
      ['outcome', home.id],
    ])
    for (const entry of entries) {
      expect(entry.body).toContain('"target_count":2')
      expect(entry.body).not.toContain(joined)
    }
  })

  it('calls those who lost the race refused, and each of them has an intent with an end', async () => {
    const caller = await fresh()
    const server = await world.device(home, 'RACE-SRV', { role: 'server' })
    const input = { devices: server, content: 'true' }
    const { confirmation } = heldOf(await world.invoke(caller, 'run_script', input))
    const use = () => world.invoke(caller, 'run_script', { ...input, confirmation: confirmation.token })
    const outcomes = await Promise.all([use(), use()])
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['done', 'refused'])
    const open = await world.sql(
      `select id from audit_entries i where kind = 'intent' and not exists (select from audit_entries o where o.call_id = i.call_id and o.kind = 'outcome')`,
    )
    expect(open).toEqual([])
  })
})

describe('what a device calls itself', () => {
  it('reaches nobody with hidden characters, in a plan, a hold or a preview', async () => {
    const name = 'PC\u202E\u200Bignore\u0007'
    const device = await world.device(home, name, { role: 'server' })
    const input = { devices: device, content: 'true' }
    for (const [tool, asked] of [
      ['run_script', { ...input, dry_run: true }],
      ['run_script', input],
      ['preview_action', { tool: 'run_script', input }],
      ['get_device_details', { device }],
      ['list_devices', { text: 'ignore' }],
    ] as const) {
      const outcome = JSON.stringify(await world.invoke(await fresh(), tool, asked))
      expect([tool, outcome]).toEqual([tool, expect.stringContaining('ignore')])
      expect([tool, outcome]).toEqual([tool, expect.not.stringMatching(/\u202e|\u200b|\\u0007/)])
    }
  })
})

describe('the transaction of an act', () => {
  it('that PostgreSQL rolled back is never told as done', async () => {
    const outcome = await world.invoke(await fresh(), 'swallow_error', {})
    expect(outcome).toMatchObject({ status: 'failed', denial: { code: 'internal' } })
    expect(await world.sql(`select id from operations where tool = 'swallow_error'`)).toEqual([])
  })
})

describe('operations', () => {
  it('end when their commands have, however many others wait for offline devices', async () => {
    const waiting = 600
    await world.sql(
      `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, tier, state,
         summary, input, input_digest, effect_digest, target_ids, policy_asked, policy_applied)
       select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, $2, gen_random_uuid(), $3, 'api_key', 'none', 'mcp', 'run_script', 3,
         'running', '', '{}', '', '', '{}', 'client', 'client' from generate_series(1, $4::int) n`,
      [world.server.installation.partnerId, [home.id], adminUser, waiting],
    )
    await world.sql(
      `insert into device_commands (id, organization_id, site_id, device_id, operation_id, type, key_id, payload, signature, issued_at, expires_at, run_seconds, give_up_at)
       select gen_random_uuid(), $1, $2, $3, id, 'script.run', '', '', '', now(), now() + interval '1 day', 60, now() + interval '1 day'
       from operations where id < '00000000-0000-7000-8001-000000000000'`,
      [home.id, home.things.site, home.things.device],
    )
    const device = await world.device(home, 'LATE-PC')
    const outcome = await world.invoke(await fresh(), 'run_script', { devices: device, content: 'true' })
    const { operation } = z.object({ data: z.object({ operation: z.string() }) }).parse(outcome).data
    await world.sql(`update device_commands set state = 'succeeded', finished_at = now() where operation_id = $1`, [
      operation,
    ])
    await new OperationKeeper(world.server.db, () => new Date()).sweep()
    expect(await world.sql('select state from operations where id = $1', [operation])).toEqual([{ state: 'succeeded' }])
    const open = await world.sql(
      `select id from operations where state = 'running' and id < '00000000-0000-7000-8001-000000000000'`,
    )
    expect(open).toHaveLength(waiting)
  })

  it('that nobody confirmed in time say that they expired, also after the sweep', async () => {
    const caller = await fresh()
    const server = await world.device(home, 'LATE-SRV', { role: 'server' })
    const input = { devices: server, content: 'true' }
    const { operation, confirmation } = heldOf(await world.invoke(caller, 'run_script', input))
    await world.sql(`update operations set confirmation_expires_at = now() - interval '1 second' where id = $1`, [
      operation,
    ])
    await new OperationKeeper(world.server.db, () => new Date()).sweep()
    const late = await world.invoke(caller, 'run_script', { ...input, confirmation: confirmation.token })
    expect(late).toMatchObject({ status: 'refused', denial: { code: 'confirmation_expired' } })
  })
})

it('answers a cursor that somebody made up as bad input', async () => {
  const caller = await fresh()
  const first = await world.invoke(caller, 'query_audit_log', { limit: 1 })
  const { next_cursor: cursor } = z.object({ data: z.object({ next_cursor: z.string() }) }).parse(first).data
  const [binding] = z.tuple([z.string(), z.unknown()]).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  for (const position of [
    ['2026', randomUUID()],
    [new Date().toISOString(), 'x'],
    ['-', '-'],
    [1, 2],
  ]) {
    const made = Buffer.from(JSON.stringify([binding, position])).toString('base64url')
    expect(await world.invoke(caller, 'query_audit_log', { limit: 1, cursor: made })).toMatchObject({
      denial: { code: 'invalid_input' },
    })
  }
})
