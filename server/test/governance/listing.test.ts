/** What each caller is shown is what that caller may do: no more, no less, in the same words each time. */
import { ALL_SCOPES, levelOfTier } from '@breeze/contract/governance'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { each, legsOf, type Leg, type Listed } from '../walk/legs.ts'
import { steps, type Step } from '../walk/samples.ts'
import { furnish } from '../walk/world.ts'

let world: Harness
let legs: Record<string, Leg> = {}
let all: Step[]
const keys = new Map<string, string>()

const LEGS = ['MCP 2025-11-25', 'MCP 2026-07-28', 'HTTP+SSE', 'REST', 'CLI']
const everyArea = (tier: 1 | 2 | 3): string[] =>
  ALL_SCOPES.filter((scope) => scope.split(/[.:]/)[1] === levelOfTier(tier))

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  const home = await furnish(world, 'Northwind')
  legs = legsOf(world)
  all = steps(world.server.registry.all(), home.things)
  const admin = await world.user('partner_admin')
  const make = async (name: string, scopes: string[], user = admin) =>
    keys.set(name, (await world.key(user, scopes)).key)
  for (const tier of [1, 2, 3] as const) await make(`every area up to tier ${tier}`, everyArea(tier))
  for (const scope of ['ai:read', 'ai:write', 'ai:execute', 'devices.read', 'scripts.execute', 'operations.read'])
    await make(scope, [scope])
  await make('a viewer', [...ALL_SCOPES], await world.user('partner_viewer'))
  await make('a technician of one organization', [...ALL_SCOPES], await world.user('technician', home.id))
  await make('an administrator of one organization', [...ALL_SCOPES], await world.user('organization_admin', home.id))
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
/** Refusals that say "not you": whatever else an answer says, the caller was let in. */
const GATES = /^(unknown_tool|blocked|insufficient_scope|not_allow_listed|execute_admin_required|emergency_stop)$/
const fieldOf = (step: Step): string | null => ('each' in step.tool.actions ? step.tool.actions.field : null)

function offers(list: readonly Listed[], step: Step): boolean {
  const listed = list.find((tool) => tool.name === step.tool.name)
  const field = fieldOf(step)
  if (!listed || field === null) return listed !== undefined
  return listed.inputSchema.properties?.[field]?.enum?.map(String).includes(step.action.name ?? '') ?? false
}

/** Calls every tool and action with its sample, changing nothing, and compares with what is listed. */
async function listsWhatItAnswers(leg: Leg, key: string): Promise<void> {
  const list = await leg.list(key)
  const offered = all.filter((step) => offers(list, step))
  expect(new Set(list.map((tool) => tool.name))).toEqual(new Set(offered.map((step) => step.tool.name)))
  await each(all, async (step) => {
    if (step.tool.name === 'preview_action') return
    // Settings are answered on every path of MCP, and listed on that of their area.
    if (leg.surface === 'mcp' && (step.tool.byArea || step.tool.needsApprover) && !offers(list, step)) return
    if (leg.surface === 'mcp' && step.tool.byArea)
      return expect([step.title, offers(list, step)]).toEqual([step.title, false])
    const input = step.action.tier > 1 && step.action.tier < 4 ? { ...step.input, dry_run: true } : step.input
    const { code, data } = await leg.call(key, step.tool.name, input)
    // A role that lacks a permission altogether and one that lacks it for this very thing answer with the same code.
    const isLetIn = !GATES.test(code) && !String(data['reason']).includes('does not include the permission')
    expect([step.title, isLetIn, code]).toEqual([step.title, offers(list, step), code])
  })
  // What stands for other tools is listed to whoever has something to preview, and then previews it.
  const previewable = offered.filter(
    (step) => step.action.tier > 1 && step.tool.name !== 'preview_action' && !step.tool.needsApprover,
  )
  expect(list.some((tool) => tool.name === 'preview_action')).toBe(previewable.length > 0)
  await each(previewable, async (step) => {
    const { code } = await leg.call(key, 'preview_action', { tool: step.tool.name, input: step.input })
    expect([step.title, code]).not.toEqual([step.title, expect.stringMatching(GATES)])
  })
}

describe.each(LEGS)('over %s', (name) => {
  it('every caller is shown exactly what is answered to them', async () => {
    for (const [who, key] of keys) {
      await listsWhatItAnswers(legOf(name), key).catch((error: unknown) => {
        throw new Error(`for ${who}`, { cause: error })
      })
    }
  })

  it('nothing that acts is shown under an emergency stop but what lifts it, and no tier 3 while the allow-list is empty', async () => {
    const key = keys.get('every area up to tier 3') ?? ''
    Object.assign(world.server.governance, { executeAllowList: new Set() })
    await listsWhatItAnswers(legOf(name), key)
    expect((await legOf(name).list(key)).map((tool) => tool.name)).not.toContain('run_script')
    Object.assign(world.server.governance, { executeAllowList: 'all', requireExecuteAdmin: true })
    expect((await legOf(name).list(key)).map((tool) => tool.name)).not.toContain('run_script')
    Object.assign(world.server.governance, { requireExecuteAdmin: false })
    const { partnerId, adminId } = world.server.installation
    await world.sql(
      `insert into emergency_stops (id, partner_id, reason, stopped_by) values (gen_random_uuid(), $1, 'a drill', $2)`,
      [partnerId, adminId],
    )
    await listsWhatItAnswers(legOf(name), key)
    const acts = (await legOf(name).list(key)).filter((tool) => tool.annotations['readOnlyHint'] === false)
    expect(acts.map((tool) => tool.name).filter((tool) => tool !== 'emergency_stop')).toEqual([])
  })

  it('the order is the same for everybody and each time', async () => {
    const whole = world.server.registry.all().map((tool) => tool.name)
    expect(new Set(whole).size).toBe(whole.length)
    for (const key of keys.values()) {
      const names = (await legOf(name).list(key)).map((tool) => tool.name)
      expect(names).toEqual(whole.filter((tool) => names.includes(tool)))
      expect(await legOf(name).list(key)).toEqual(await legOf(name).list(key))
    }
  })

  it('every tool says the same four hints, a closed input and what it answers, in few words', async () => {
    for (const key of keys.values()) {
      for (const tool of await legOf(name).list(key)) {
        const hints = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint']
        expect([tool.name, ...hints.map((hint) => typeof tool.annotations[hint])]).toEqual([
          tool.name,
          ...hints.map(() => 'boolean'),
        ])
        expect([tool.name, tool.inputSchema]).toMatchObject([
          tool.name,
          { type: 'object', additionalProperties: false },
        ])
        expect([tool.name, tool.outputSchema]).toMatchObject([tool.name, { type: 'object' }])
        expect([tool.name, tool.description.split(/\s+/).length < 60]).toEqual([tool.name, true])
        expect(tool.name).toMatch(/^[a-z][a-z0-9_]{0,63}$/)
      }
    }
  })

  it('hints and control fields follow what this caller may do', async () => {
    for (const [who, key] of keys) {
      const list = await legOf(name).list(key)
      for (const tool of list) {
        const offered = all.filter((step) => step.tool.name === tool.name && offers(list, step))
        const reads = offered.every((step) => step.action.tier === 1)
        const fields = Object.keys(tool.inputSchema.properties ?? {})
        expect([who, tool.name, tool.annotations['readOnlyHint']]).toEqual([who, tool.name, reads])
        expect([who, tool.name, fields.includes('confirmation')]).toEqual([who, tool.name, !reads])
        expect([who, tool.name, fields.includes('dry_run')]).toEqual([who, tool.name, !reads])
        if (reads) expect(tool.annotations['destructiveHint']).toBe(false)
        if (offered.some((step) => step.action.tier === 3)) expect(tool.annotations['readOnlyHint']).toBe(false)
        expect(offered.some((step) => step.action.tier === 4)).toBe(false)
      }
    }
  })
})

describe('over MCP', () => {
  it('the whole list costs an assistant less than its budget', async () => {
    const list = await legOf('MCP 2025-11-25').list(keys.get('ai:execute') ?? '')
    const tokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / 4)
    const bare = list.map((tool) => ({ ...tool, outputSchema: undefined }))
    expect([tokens(bare) < 8_000, tokens(list) < 11_000]).toEqual([true, true])
    process.stdout.write(`tools/list: ${tokens(bare)} tokens, ${tokens(list)} with output schemas\n`)
  })

  it('every leg shows the same tools to the same caller', async () => {
    for (const key of keys.values()) {
      const [first, ...others] = await Promise.all(
        ['MCP 2025-11-25', 'MCP 2026-07-28', 'HTTP+SSE'].map((leg) => legOf(leg).list(key)),
      )
      for (const other of others) expect(other).toEqual(first)
    }
  })
})

it('without a credential, or with a wrong one, nothing is listed or called on any address', async () => {
  const { url } = world.server
  const wrong: Record<string, string>[] = [
    {},
    { 'x-api-key': '' },
    { 'x-api-key': 'brz_wrong' },
    { authorization: 'Bearer brz_wrong' },
    { authorization: 'Basic YTpi' },
    { authorization: `Bearer ${world.server.operatorToken.slice(0, -1)}` },
    { 'x-api-key': `${keys.get('ai:read')} `.slice(0, 20) },
  ]
  for (const credentials of wrong) {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...credentials,
    }
    for (const path of ['mcp', 'mcp/sse', 'mcp/messages', 'mcp/directory', 'mcp/areas/devices', 'tools/whoami']) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
      const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', headers, body })
      expect([path, credentials, response.status]).toEqual([path, credentials, expect.toBeOneOf([401, 429])])
      const said = await response.text()
      for (const { tool } of all) expect(said).not.toContain(`"name":"${tool.name}"`)
    }
    for (const path of ['mcp/sse', 'tools']) {
      const response = await fetch(`${url}/api/v1/${path}`, { headers })
      expect([path, response.status]).toEqual([path, expect.toBeOneOf([401, 429])])
      await response.body?.cancel()
    }
  }
})
