import { ALL_SCOPES, EXECUTE_ADMIN, levelOfTier, PERMISSIONS, scopeFor } from '@breeze/contract/governance'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { each, legsOf, type Leg } from './legs.ts'
import { missingSamples, steps, type Step } from './samples.ts'
import { furnish, type Furnished } from './world.ts'

let world: Harness
let home: Furnished
let legs: Record<string, Leg> = {}
let all: Step[]
/** A Partner Admin's key with every scope: only the gate under test stands in its way. */
let admin: TestKey
/** Keys with every scope, of users whose role has every permission but the one named. */
const without = new Map<string, string>()
/** Keys of a Partner Admin that open every area up to a tier. */
const upTo = new Map<number, string>()

const LEGS = ['MCP 2025-11-25', 'MCP 2026-07-28', 'HTTP+SSE', 'REST', 'CLI']
const AREAS = [...new Set(ALL_SCOPES.map((scope) => scope.split(/[.:]/)[0] ?? ''))].filter((area) => area !== 'ai')

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  home = await furnish(world, 'Northwind')
  legs = legsOf(world)
  all = steps(world.server.registry.all(), home.things)
  const user = await world.user('partner_admin')
  admin = await world.key(user, [...ALL_SCOPES])
  for (const tier of [1, 2, 3] as const) {
    const scopes = AREAS.map((area) => `${area}.${levelOfTier(tier)}`)
    upTo.set(tier, (await world.key(user, scopes)).key)
  }
  upTo.set(0, (await world.key(user, [EXECUTE_ADMIN])).key)
  for (const missing of PERMISSIONS) {
    const rest = PERMISSIONS.filter((permission) => permission !== missing)
    await world.sql(`insert into roles values ($1, $1, 'partner', true, $2)`, [`without_${missing}`, rest])
    without.set(missing, (await world.key(await world.user(`without_${missing}`), [...ALL_SCOPES])).key)
  }
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})
afterEach(async () => {
  await world.sql('delete from emergency_stops')
  Object.assign(world.server.governance, { executeAllowList: 'all', requireExecuteAdmin: false })
})

const legOf = (name: string): Leg => {
  const leg = legs[name]
  if (!leg) throw new Error(`no leg ${name}`)
  return leg
}
const on = (leg: Leg): Step[] => all.filter((step) => step.tool.surfaces.has(leg.surface))
/** A call that stands for another one is judged as that one is. */
const judged = (step: Step): Step =>
  (step.tool.name === 'preview_action' && all.find(({ tool }) => tool.name === step.input['tool'])) || step
const ofTier = (leg: Leg, ...tiers: number[]): Step[] =>
  on(leg).filter((step) => tiers.includes(judged(step).action.tier))

/** Calls every step and expects this refusal, with its reason, its remedy and the entry that the audit holds about it. */
async function refuses(leg: Leg, key: string | ((step: Step) => string), code: string, among: readonly Step[]) {
  expect(among).not.toHaveLength(0)
  const shape = { reason: expect.any(String), remedy: expect.any(String), audit_entry: expect.any(String) }
  await each(among, async (step) => {
    const ended = await leg.call(typeof key === 'string' ? key : key(step), step.tool.name, step.input)
    expect([step.title, ended.code, ended.data]).toMatchObject([step.title, code, shape])
    const { audit_entry: entry } = ended.data
    const rows = await world.sql('select tool, decision from audit_entries where id = $1', [entry])
    expect([step.title, rows]).toEqual([step.title, [{ tool: step.tool.name, decision: 'denied' }]])
  })
}

const stop = (subject: { organization?: string; credential?: string }) =>
  world.sql(
    `insert into emergency_stops (id, partner_id, organization_id, credential_id, reason, stopped_by)
     values (gen_random_uuid(), $1, $2, $3, 'a drill', $4)`,
    [
      world.server.installation.partnerId,
      subject.organization ?? null,
      subject.credential ?? null,
      world.server.installation.adminId,
    ],
  )
const stoppable = (leg: Leg): Step[] => ofTier(leg, 2, 3).filter((step) => !step.tool.worksWhenStopped)

it('refuses an act whose caller was let in before the stop', async () => {
  const before = await world.caller(admin, 'cli')
  const { input } = sample('run_script')
  for (const subject of [{}, { credential: admin.id }, { organization: home.id }]) {
    await stop(subject)
    for (const tool of ['run_script', 'create_organization']) {
      const touched = tool === 'run_script' || subject.organization === undefined
      const late = await world.invoke(before, tool, tool === 'run_script' ? input : { name: 'Late' })
      expect([tool, late]).toMatchObject([
        tool,
        touched ? { status: 'refused', denial: { code: 'emergency_stop' } } : { status: 'done' },
      ])
    }
    await world.sql('delete from emergency_stops')
  }
  const queued = `select from device_commands c join operations o on o.id = c.operation_id where o.credential_id = $1`
  expect(await world.sql(queued, [admin.id])).toEqual([])
})

it('has a sample input for every tool and action', () => {
  expect(missingSamples(world.server.registry.all(), home.things)).toEqual([])
})

describe.each(LEGS)('over %s', (name) => {
  it('knows no tool of other surfaces, and none that does not exist', async () => {
    const leg = legOf(name)
    const foreign = all.filter((step) => !step.tool.surfaces.has(leg.surface))
    if (leg.surface === 'mcp') await refuses(leg, admin.key, 'unknown_tool', foreign)
    const odd = ['format_the_moon', 'WHOAMI', '__proto__', 'constructor', 'x'.repeat(3000)]
    // Revision 2026-07-28 repeats the name in a header, which can't hold these.
    if (name !== 'MCP 2026-07-28') odd.push('whoami ', 'a\0b', 'a\u202eb')
    for (const tool of odd) expect([tool, (await leg.call(admin.key, tool, {})).code]).toEqual([tool, 'unknown_tool'])
  })

  it('blocks tier 4 for everybody', async () => {
    const leg = legOf(name)
    await refuses(leg, admin.key, 'blocked', ofTier(leg, 4))
    // Not even that it needs more is said first.
    await refuses(leg, upTo.get(0) ?? '', 'blocked', ofTier(leg, 4))
    if (leg.surface !== 'mcp') await refuses(leg, world.server.operatorToken, 'blocked', ofTier(leg, 4))
  })

  it.each([1, 2, 3] as const)('asks for the scope of tier %d', async (tier) => {
    const leg = legOf(name)
    const key = upTo.get(tier - 1) ?? ''
    const asking = on(leg).filter((step) => (judged(step).action.scopeTier ?? judged(step).action.tier) === tier)
    await refuses(leg, key, 'insufficient_scope', asking)
    await each(asking, async (step) => {
      const ended = await leg.call(key, step.tool.name, step.input)
      expect([step.title, ended.data['required_scope']]).toEqual([step.title, scopeFor(judged(step).tool.area, tier)])
    })
  })

  it("asks for the permission of the caller's role", async () => {
    const leg = legOf(name)
    const lacking = (step: Step) => without.get(judged(step).action.permission) ?? ''
    await refuses(leg, lacking, 'forbidden', ofTier(leg, 1, 2, 3))
  })

  it('keeps keys from tier 3 while the allow-list is empty', async () => {
    Object.assign(world.server.governance, { executeAllowList: new Set() })
    await refuses(legOf(name), admin.key, 'not_allow_listed', ofTier(legOf(name), 3))
  })

  it('keeps keys from tier 3 without the scope of an execute admin', async () => {
    Object.assign(world.server.governance, { requireExecuteAdmin: true })
    await refuses(legOf(name), upTo.get(3) ?? '', 'execute_admin_required', ofTier(legOf(name), 3))
    // Held, by somebody who is no admin (any more).
    const former = await world.key(await world.user('partner_technician'), [...ALL_SCOPES])
    // What only an admin's role permits is refused for that first.
    const permitted = (step: Step) => judged(step).action.permission !== 'governance.write'
    await refuses(legOf(name), former.key, 'execute_admin_required', ofTier(legOf(name), 3).filter(permitted))
  })

  it('refuses every act under an emergency stop on everything, and reads go on', async () => {
    const leg = legOf(name)
    await stop({})
    await refuses(leg, admin.key, 'emergency_stop', stoppable(leg))
    if (leg.surface !== 'mcp') await refuses(leg, world.server.operatorToken, 'emergency_stop', stoppable(leg))
    await each(ofTier(leg, 1), async (step) => {
      expect([step.title, (await leg.call(admin.key, step.tool.name, step.input)).code]).toEqual([step.title, 'done'])
    })
  })

  it('refuses every act of a stopped credential, and of no other', async () => {
    const leg = legOf(name)
    await stop({ credential: admin.id })
    await refuses(leg, admin.key, 'emergency_stop', stoppable(leg))
    const other = await leg.call(upTo.get(3) ?? '', 'run_script', { ...sample('run_script').input, dry_run: true })
    expect(other.code).toBe('done')
  })

  it('refuses every act on a stopped organization', async () => {
    const leg = legOf(name)
    const touching: Step[] = []
    await each(stoppable(leg), async (step) => {
      if (step.tool.name === 'preview_action') return
      const { data } = await leg.call(admin.key, step.tool.name, { ...step.input, dry_run: true })
      const plan = data['plan'] as { blast_radius: { organizations: number } } | undefined
      if (plan && plan.blast_radius.organizations > 0) touching.push(step)
    })
    expect(touching.map((step) => step.title)).toEqual(expect.arrayContaining(['run_script', 'device_actions reboot']))
    await stop({ organization: home.id })
    await refuses(leg, admin.key, 'emergency_stop', [...touching, sample('preview_action')])
  })

  it('refuses as a preview what it refuses as a call', async () => {
    const leg = legOf(name)
    const beyond = all.filter(
      (step) => step.tool.name !== 'preview_action' && step.action.tier > 1 && !step.action.scopeTier,
    )
    const same = async (key: (step: Step) => string): Promise<void> => {
      await each(beyond, async ({ tool, title, input }) => {
        const step = sample(title)
        const direct = await leg.call(key(step), tool.name, input)
        const previewed = await leg.call(key(step), 'preview_action', { tool: tool.name, input })
        expect([title, previewed.code]).toEqual([title, direct.code])
        expect([title, previewed.code]).not.toEqual([title, expect.stringMatching(/^(done|held|invalid_input)$/)])
      })
    }
    await same(() => upTo.get(0) ?? '')
    await same((step) => (step.action.tier === 4 ? admin.key : (upTo.get(step.action.tier - 1) ?? '')))
    await same((step) => without.get(step.action.permission) ?? '')
    expect(await world.sql(`select from operations where state = 'awaiting_confirmation'`)).toEqual([])
  })
})

const sample = (title: string): Step => {
  const step = all.find((item) => item.title === title)
  if (!step) throw new Error(`no sample of ${title}`)
  return step
}
