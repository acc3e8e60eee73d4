import { ALL_SCOPES } from '@breeze/contract/governance'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { each, legsOf, type Ended, type Leg } from './legs.ts'
import { steps, type Things } from './samples.ts'
import { absent, furnish, type Furnished } from './world.ts'

let world: Harness
let legs: Record<string, Leg> = {}
/** The caller's own organization, and the other one, whose every name holds the word Umbra. */
let own: Furnished
let other: Furnished
let callers: Record<string, string>
let partner: TestKey

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  legs = legsOf(world)
  own = await furnish(world, 'Northwind')
  other = await furnish(world, 'Umbra')
  const scopes = [...ALL_SCOPES]
  const admin = await world.user('organization_admin', own.id)
  const siteOnly = await world.user('technician', own.id, [own.things.site])
  const partnerAdmin = await world.user('partner_admin')
  partner = await world.key(partnerAdmin, scopes)
  callers = {
    'an Organization Admin': (await world.key(admin, scopes)).key,
    'a Technician of one site': (await world.key(siteOnly, scopes)).key,
    "a Partner Admin's key for one organization": (await world.key(partnerAdmin, scopes, { organizations: [own.id] }))
      .key,
  }
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})

const CALLERS = ['an Organization Admin', 'a Technician of one site', "a Partner Admin's key for one organization"]
const keyOf = (name: string): string => callers[name] ?? ''
async function call(key: string, tool: string, input: unknown, leg = 'CLI'): Promise<Ended> {
  return legs[leg]?.call(key, tool, input) ?? Promise.reject(new Error(`no leg ${leg}`))
}

/** The answer without what may differ: the references that it echoes and the ids it was given. */
function bare(ended: Ended, echoed: Things): string {
  let text = ended.raw
  for (const reference of new Set(Object.values(echoed) as string[])) text = text.replaceAll(reference, '<reference>')
  const entry = ended.data['audit_entry']
  return typeof entry === 'string' ? text.replaceAll(entry, '<entry>') : text
}

const foreignNames = /umbra/i

describe.each(CALLERS)('for %s', (who) => {
  it.each(['ids', 'names'])("answers the other organization's %s as those of nothing", async (kind) => {
    const theirs = kind === 'ids' ? other.things : other.names
    const nothing = absent()
    const tools = world.server.registry.all()
    const known = steps(tools, theirs)
    const unknown = steps(tools, nothing)
    let compared = 0
    await each([...known.keys()], async (index) => {
      const [foreign, missing] = [known[index], unknown[index]]
      if (!foreign || !missing) return
      // Without a reference to anything of theirs there is nothing to compare.
      if (JSON.stringify(foreign.input) === JSON.stringify(missing.input)) return
      for (const leg of foreign.tool.surfaces.has('mcp') ? ['CLI', 'MCP 2025-11-25', 'MCP 2026-07-28'] : ['CLI']) {
        const seen = await call(keyOf(who), foreign.tool.name, foreign.input, leg)
        const blind = await call(keyOf(who), missing.tool.name, missing.input, leg)
        expect([foreign.title, seen.status, bare(seen, theirs)]).toEqual([
          foreign.title,
          blind.status,
          bare(blind, nothing),
        ])
        compared += 1
      }
    })
    expect(compared).toBeGreaterThan(30)
  })

  it('never counts or names what is theirs', async () => {
    const lists = steps(world.server.registry.all(), own.things).filter((step) => step.action.tier === 1)
    await each(lists, async (step) => {
      const input = 'action' in step.input ? { action: step.input['action'] } : {}
      const { raw } = await call(keyOf(who), step.tool.name, step.tool.name.startsWith('get_') ? step.input : input)
      // What this caller itself wrote into the audit above names them; what was answered does not.
      if (step.tool.name !== 'query_audit_log')
        expect([step.title, raw]).toEqual([step.title, expect.not.stringMatching(foreignNames)])
      for (const id of Object.values(other.things) as string[]) {
        if (step.tool.name !== 'query_audit_log') expect([step.title, raw.includes(id)]).toEqual([step.title, false])
      }
    })
  })
})

/** What a call asks of the database, in its order: the same work takes the same time, whoever measures it. */
async function asked(work: () => Promise<Outcome>): Promise<{ statements: string[]; outcome: Outcome }> {
  const statements: string[] = []
  const real = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...all: unknown[]) {
    const [first] = all as [string | { text: string }]
    // Only what serves calls: the owner's login does the server's own work meanwhile.
    if (this.user?.includes('app')) statements.push(typeof first === 'string' ? first : first.text)
    return Reflect.apply(real, this, all)
  })
  try {
    return { outcome: await work(), statements }
  } finally {
    spy.mockRestore()
  }
}

it('does the same work for what is theirs as for nothing, and audits both', async () => {
  const caller = await world.caller({ key: keyOf('an Organization Admin') } as TestKey, 'cli')
  const tools = world.server.registry.all()
  const missing = steps(tools, absent())
  let compared = 0
  for (const [index, foreign] of steps(tools, other.things).entries()) {
    const nothing = missing[index]
    if (!nothing || JSON.stringify(foreign.input) === JSON.stringify(nothing.input)) continue
    const [theirs, none] = [
      await asked(() => world.invoke(caller, foreign.tool.name, foreign.input)),
      await asked(() => world.invoke(caller, nothing.tool.name, nothing.input)),
    ]
    expect([foreign.title, theirs.statements]).toEqual([foreign.title, none.statements])
    for (const { status, auditEntry } of [theirs.outcome, none.outcome])
      if (status !== 'done') expect([foreign.title, auditEntry]).toEqual([foreign.title, expect.any(String)])
    if (theirs.statements.length > 0) compared += 1
  }
  expect(compared).toBeGreaterThan(30)
})

it('keeps totals to the own organization', async () => {
  const key = keyOf('an Organization Admin')
  expect((await call(key, 'list_devices', {})).data).toMatchObject({ total: 1, counts: { offline: 1 } })
  expect((await call(key, 'list_devices', { text: 'umbra' })).data['total']).toBe(0)
  expect((await call(key, 'list_organizations', {})).data['total']).toBe(1)
  expect((await call(key, 'list_sites', {})).data['total']).toBe(2)
  const rows = async (table: string): Promise<number> => {
    const where = `from ${table} where organization_id = $1`
    return (await world.sql<{ n: number }>(`select count(*)::int as n ${where}`, [own.id]))[0]?.n ?? -1
  }
  expect((await call(key, 'list_api_keys', {})).data['total']).toBe(await rows('api_keys'))
  expect((await call(key, 'list_users', {})).data['total']).toBe(await rows('users'))
  expect((await call(key, 'list_enrollment_tokens', {})).data['total']).toBe(1)
  // The query's own entry is written after it has counted.
  const entries = await rows('audit_entries')
  expect((await call(key, 'query_audit_log', {})).data['total']).toBe(entries)
  expect((await call(key, 'manage_audit', { action: 'verify' })).data['entries']).toBe(entries + 1)
})

describe("the other organization's", () => {
  it('cursors show nothing of theirs', async () => {
    const key = keyOf('an Organization Admin')
    const theirs = (await world.key(await world.user('organization_admin', other.id), [...ALL_SCOPES])).key
    const lists = world.server.registry.all().filter((tool) => 'cursor' in tool.inputSchema.shape)
    const taken = new Map<string, string>()
    for (let n = 0; n < 3; n += 1) await call(theirs, 'whoami', {})
    await each(lists, async (tool) => {
      const page = await call(theirs, tool.name, { limit: 1 })
      const cursor = page.data['next_cursor']
      if (typeof cursor === 'string') taken.set(tool.name, cursor)
    })
    expect([...taken.keys()]).toEqual(expect.arrayContaining(['list_users', 'list_sites', 'query_audit_log']))
    for (const [tool, cursor] of taken) {
      const ended = await call(key, tool, { limit: 200, cursor })
      expect([tool, ended.code]).toEqual([tool, expect.stringMatching(/^(done|invalid_input)$/)])
      // The audit holds what this caller asked for above, by names of theirs.
      if (tool === 'query_audit_log') {
        const entries = ended.data['entries'] as { organization: string }[]
        expect(entries.filter((entry) => entry.organization !== own.id)).toEqual([])
      } else expect([tool, ended.raw]).toEqual([tool, expect.not.stringMatching(foreignNames)])
    }
  })

  it('confirmations confirm nothing, and are no other than made-up ones', async () => {
    const input = { devices: other.things.device, content: 'true' }
    const preview = await call(partner.key, 'preview_action', { tool: 'run_script', input })
    const { token } = preview.data['confirmation'] as { token: string }
    const key = keyOf('an Organization Admin')
    for (const device of [own.things.device, other.things.device]) {
      const stolen = await call(key, 'run_script', { ...input, devices: device, confirmation: token })
      const forged = await call(key, 'run_script', { ...input, devices: device, confirmation: 'brzc_none' })
      const [one, two] = [stolen, forged].map((ended) => ended.raw.replaceAll(String(ended.data['audit_entry']), ''))
      expect(one).toBe(two)
    }
    const operation = String(preview.data['operation'])
    for (const tool of ['get_operation', 'cancel_operation'])
      expect((await call(key, tool, { operation })).code).toBe('not_found')
    expect(await world.sql('select state from operations where id = $1', [operation])).toEqual([
      { state: 'awaiting_confirmation' },
    ])
  })

  it('things beside own ones make the whole call one about nothing', async () => {
    const key = keyOf('an Organization Admin')
    const nothing = absent()
    const pairs: [string, (device: string, organization: string) => Record<string, unknown>][] = [
      ['run_script', (device) => ({ devices: [own.things.device, device], content: 'true' })],
      ['list_devices', (_, organization) => ({ organization: [own.id, organization] })],
      [
        'create_api_key',
        (_, organization) => ({ name: 'k', scopes: ['ai:read'], organizations: [own.id, organization] }),
      ],
      [
        'create_user',
        (_, organization) => ({ email: 'x@example.test', role: 'viewer', organizations: [own.id, organization] }),
      ],
    ]
    for (const [tool, input] of pairs) {
      const seen = await call(key, tool, input(other.things.device, other.things.organization))
      const blind = await call(key, tool, input(nothing.device, nothing.organization))
      expect([tool, bare(seen, other.things)]).toEqual([tool, bare(blind, nothing)])
      expect([tool, seen.code]).toEqual([tool, 'not_found'])
    }
    expect(await world.sql(`select from users where email = 'x@example.test'`)).toEqual([])
  })
})

describe('over two organizations', () => {
  /** All that an Organization Admin reads in the audit of this call. */
  async function entriesOf(admin: string, tool: string, since: Date): Promise<string> {
    const { raw, data } = await call(admin, 'query_audit_log', { tool, since: since.toISOString(), limit: 200 })
    expect(data['total']).toBeGreaterThan(0)
    return raw
  }

  it('shows each admin nothing of the other in the audit', async () => {
    const key = keyOf('an Organization Admin')
    const theirAdmin = (await world.key(await world.user('organization_admin', other.id), [...ALL_SCOPES])).key
    const since = new Date()
    const calls: [string, Record<string, unknown>][] = [
      ['run_script', { devices: [own.names.device, other.names.device], content: 'true' }],
      ['run_script', { filter: { organization: [own.names.organization, other.names.organization] }, content: 'true' }],
      ['device_actions', { action: 'reboot', devices: [own.things.device, other.things.device] }],
      ['create_api_key', { name: 'both', scopes: ['ai:read'], organizations: [own.id, other.names.organization] }],
      [
        'preview_action',
        { tool: 'run_script', input: { devices: [own.names.device, other.names.device], content: 'x' } },
      ],
    ]
    for (const [tool, input] of calls) {
      const ended = await call(partner.key, tool, input)
      expect([tool, ended.code]).toEqual([tool, expect.stringMatching(/^(held|done)$/)])
    }
    for (const [tool] of calls) {
      expect([tool, await entriesOf(key, tool, since)]).toEqual([tool, expect.not.stringMatching(foreignNames)])
      expect([tool, await entriesOf(theirAdmin, tool, since)]).toEqual([tool, expect.not.stringMatching(/northwind/i)])
    }
  })

  it("names no second organization in the entry of a call that touched only the first's devices", async () => {
    const key = keyOf('an Organization Admin')
    const since = new Date()
    // The filter names both; only one of them has such a device.
    const filter = { organization: [own.names.organization, other.names.organization], text: own.names.device }
    const ended = await call(partner.key, 'run_script', { filter, content: 'true', dry_run: true })
    expect(ended.code).toBe('done')
    expect(await entriesOf(key, 'run_script', since)).not.toMatch(foreignNames)
  })
})
