/** Every act on every leg where each has to be confirmed, and may be started once a minute. */
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { each, legsOf, type Leg } from './legs.ts'
import { steps, type Step } from './samples.ts'
import { furnish } from './world.ts'

let world: Harness
let legs: Record<string, Leg> = {}
let acts: Step[]
let admin: string
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development', BREEZE_TOOL_CALLS_PER_MINUTE: '1' } })
  const home = await furnish(world, 'Northwind')
  legs = legsOf(world)
  admin = await world.user('partner_admin')
  // Only one's own keys can be rotated.
  const own = await world.key(admin, ['ai:read'], { organizations: [home.id] })
  await world.sql(`update api_keys set name = 'Northwind rotating' where id = $1`, [own.id])
  acts = steps(world.server.registry.all(), { ...home.things, key: own.id }).filter(
    (step) =>
      (step.action.tier === 2 || step.action.tier === 3) && !step.tool.worksWhenStopped && !step.tool.needsApprover,
  )
  for (const tier of [2, 3]) {
    await world.sql(
      `insert into confirmation_policies (id, partner_id, tier, policy) values (gen_random_uuid(), $1, $2, 'preview')`,
      [world.server.installation.partnerId, tier],
    )
  }
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})

/** Keys are never let to these, confirmed or not. */
const IN_PERSON = new Set([
  'set_confirmation_policy',
  'update_user reset_password',
  'invite_user',
  'create_reset_link',
  'decide_approval approve',
  'decide_approval deny',
  'decide_approval report',
])

const newKey = (): Promise<TestKey> => world.key(admin, [...ALL_SCOPES])
const legOf = (name: string): Leg => {
  const leg = legs[name]
  if (!leg) throw new Error(`no leg ${name}`)
  return leg
}
const actsOn = (leg: Leg): Step[] =>
  acts.filter((step) => step.tool.surfaces.has(leg.surface) && !IN_PERSON.has(step.title))

/** Everything that an act could have changed. */
async function state(): Promise<unknown> {
  const tables = ['organizations', 'sites', 'users', 'role_assignments', 'api_keys', 'enrollment_tokens', 'devices']
  const more = ['device_commands', 'script_runs', 'confirmation_policies', 'emergency_stops']
  const digests: string[] = []
  for (const table of [...tables, ...more]) {
    // Keys are made by the walk itself, and used by it.
    const columns = table === 'api_keys' ? `(name, scopes, hash, deleted_at, expires_at)::text` : `t::text`
    const where = table === 'api_keys' ? `where name like 'Northwind%'` : ''
    const [row] = await world.sql<{ digest: string }>(
      `select coalesce(md5(string_agg(${columns}, ',' order by id)), '') as digest from ${table} t ${where}`,
    )
    digests.push(`${table} ${row?.digest}`)
  }
  return digests
}

describe.each(['MCP 2025-11-25', 'MCP 2026-07-28', 'HTTP+SSE', 'REST', 'CLI'])('over %s', (name) => {
  it('holds every act that has no confirmation, and nothing has changed', async () => {
    const leg = legOf(name)
    const before = await state()
    expect(actsOn(leg).length).toBeGreaterThan(leg.surface === 'mcp' ? 3 : 15)
    await each(actsOn(leg), async ({ tool, title, input }) => {
      const { key, id } = await newKey()
      const held = await leg.call(key, tool.name, input)
      expect([title, held.code, held.data]).toMatchObject([
        title,
        'held',
        {
          state: 'confirmation_required',
          operation: expect.any(String),
          plan: { summary: expect.any(String), blast_radius: expect.anything() },
          confirmation: { token: expect.stringMatching(/^brzc_/), expires_at: expect.any(String) },
          audit_entry: expect.any(String),
        },
      ])
      const [operation] = await world.sql('select state, credential_id from operations where id = $1', [
        held.data['operation'],
      ])
      expect([title, operation]).toEqual([title, { state: 'awaiting_confirmation', credential_id: id }])
    })
    expect(await state()).toEqual(before)
  })

  it('refuses the second act of a tool within a minute, and not those of other tools', async () => {
    const leg = legOf(name)
    await each(actsOn(leg), async ({ tool, title, input }) => {
      const { key } = await newKey()
      expect([title, (await leg.call(key, tool.name, input)).code]).toEqual([title, 'held'])
      const second = await leg.call(key, tool.name, input)
      expect([title, second.code, second.data]).toMatchObject([
        title,
        'rate_limited',
        { retry_after_seconds: expect.any(Number), remedy: expect.any(String), audit_entry: expect.any(String) },
      ])
      const other = actsOn(leg).find((step) => step.tool !== tool)
      if (other) expect((await leg.call(key, other.tool.name, other.input)).code).toBe('held')
    })
  })

  it('takes no token that was made for another key, tool or input', async () => {
    const leg = legOf(name)
    const confirmationOf = (data: Record<string, unknown>) => (data['confirmation'] as { token: string }).token
    await each(actsOn(leg), async ({ tool, title, input }) => {
      const held = await leg.call((await newKey()).key, tool.name, input)
      const token = confirmationOf(held.data)
      const stolen = await leg.call((await newKey()).key, tool.name, { ...input, confirmation: token })
      expect([title, stolen.code]).toEqual([title, 'confirmation_invalid'])
      const nothing = await leg.call((await newKey()).key, tool.name, { ...input, confirmation: 'brzc_nothing' })
      // Somebody else's token and one that never was: the same answer.
      expect([title, stolen.data['reason']]).toEqual([title, nothing.data['reason']])
      const other = actsOn(leg).find((step) => step.tool !== tool)
      if (!other) return
      const wrongTool = await leg.call((await newKey()).key, other.tool.name, { ...other.input, confirmation: token })
      expect([title, wrongTool.code]).toEqual([title, 'confirmation_invalid'])
    })
  })
})

it('lets keys to no act that is for people in person', async () => {
  for (const step of acts.filter((item) => IN_PERSON.has(item.title))) {
    const ended = await legOf('CLI').call((await newKey()).key, step.tool.name, step.input)
    expect([step.title, ended.code]).toEqual([step.title, 'forbidden'])
  }
})
