/** Things that were handed out to somebody else, tried by a caller of another organization: cursors, tokens, ids, anywhere. */
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Caller } from '../../src/kernel/caller.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness } from '../harness.ts'
import { each } from '../walk/legs.ts'
import { steps, type Step, type Things } from '../walk/samples.ts'
import { furnish, type Furnished } from '../walk/world.ts'

let world: Harness
let own: Furnished
let other: Furnished
let us: Caller
let them: Caller
let ours: Step[]
let theirs: Step[]

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  own = await furnish(world, 'Northwind')
  other = await furnish(world, 'Umbra')
  for (let n = 0; n < 4; n += 1) {
    await world.device(own, `Northwind-${n}`)
    await world.device(other, `Umbra-${n}`)
  }
  const admin = async (of: Furnished) =>
    world.caller(await world.key(await world.user('organization_admin', of.id), [...ALL_SCOPES]), 'cli')
  us = await admin(own)
  them = await admin(other)
  ours = steps(world.server.registry.all(), own.things)
  theirs = steps(world.server.registry.all(), other.things)
})
afterAll(() => world.stop())

const call = (caller: Caller, step: Step, input: Record<string, unknown>) => world.invoke(caller, step.tool.name, input)
const dataOf = (outcome: Outcome): Record<string, unknown> => (outcome.status === 'done' ? { ...outcome.data } : {})
const foreign = /umbra/i
const foreignIds = () => Object.values(other.things as unknown as Record<string, string>)

const namedThings = (things: object) => Object.entries(things).map(([kind, value]) => ({ kind, value: String(value) }))

/** `device` and `devices` take a device, `id` and `ids` anything. */
const isFor = (field: string, kind: string): boolean =>
  /^ids?$/.test(field) || field.replaceAll('_', '').toLowerCase().includes(kind.toLowerCase())

/** Nothing of theirs in the answer but what the caller said itself. */
function expectNothingOfTheirs(title: string, outcome: Outcome, said: unknown): void {
  const asked = JSON.stringify(said)
  const text = JSON.stringify(outcome)
  if (!foreign.test(asked)) expect([title, text]).toEqual([title, expect.not.stringMatching(foreign)])
  for (const id of foreignIds()) if (!asked.includes(id)) expect([title, text.includes(id)]).toEqual([title, false])
}
function isValid({ tool }: Step, input: Record<string, unknown>): boolean {
  try {
    tool.parse(input)
    return true
  } catch {
    return false
  }
}
const acts = (among: readonly Step[]) =>
  among.filter(({ tool, action }) => action.tier > 1 && action.tier < 4 && tool.name !== 'emergency_stop')

describe("another organization's", () => {
  it('cursor shows a list of the own things, or nothing', async () => {
    let tried = 0
    await each(
      ours.filter(({ tool }) => 'limit' in tool.inputSchema.shape),
      async (step) => {
        for (const more of [{}, { sort: 'last_seen' }]) {
          const handedOut = dataOf(await call(them, step, { limit: 1, ...more }))['next_cursor']
          if (typeof handedOut !== 'string') continue
          tried += 1
          const outcome = await call(us, step, { limit: 200, ...more, cursor: handedOut })
          expectNothingOfTheirs(step.title, outcome, {})
          const without = await call(us, step, { limit: 200, ...more })
          if (step.tool.name !== 'query_audit_log' && outcome.status === 'done')
            expect([step.title, outcome.data['total']]).toEqual([step.title, dataOf(without)['total']])
        }
      },
    )
    expect(tried).toBeGreaterThan(2)
  })

  it('confirmation token is worth what a made-up one is, whatever it was made for', async () => {
    const tokens: string[] = []
    for (const step of acts(theirs)) {
      const outcome = await world.invoke(them, 'preview_action', { tool: step.tool.name, input: step.input })
      const parsed = z.object({ confirmation: z.object({ token: z.string() }) }).safeParse(dataOf(outcome))
      if (parsed.success) tokens.push(parsed.data.confirmation.token)
    }
    expect(tokens.length).toBeGreaterThan(8)
    const madeUp = `brzc_${'A'.repeat(32)}`
    const shape = (outcome: Outcome) =>
      outcome.status === 'done' || outcome.status === 'held' ? outcome.status : [outcome.status, outcome.denial]
    await each(acts(ours), async (step, position) => {
      const worth = shape(await call(us, step, { ...step.input, confirmation: madeUp }))
      expect([step.title, worth]).not.toEqual([step.title, 'done'])
      // All of them over the tools, eight for each.
      for (const token of tokens.filter((_, index) => (index + position) % Math.ceil(tokens.length / 8) === 0)) {
        const outcome = await call(us, step, { ...step.input, confirmation: token })
        expect([step.title, shape(outcome)]).toEqual([step.title, worth])
        expectNothingOfTheirs(step.title, outcome, step.input)
      }
    })
    // None of it spent a token of theirs.
    const states = await world.sql(
      `select distinct state from operations where confirmation_hash is not null and organization_ids = $1`,
      [[other.id]],
    )
    expect(states).toEqual([{ state: 'awaiting_confirmation' }])
  })

  it('ids and names in any text field of any tool open nothing and change nothing', async () => {
    const before = await snapshot()
    const values = [...namedThings(other.things), ...namedThings(other.names)]
    const spots = ours
      .filter((step) => step.action.tier < 4)
      .flatMap((step) => Object.keys(step.tool.inputSchema.shape).map((field) => ({ step, field })))
      .filter(({ field }) => !['name', 'reason', 'content', 'email'].includes(field))
    await each(spots, async ({ step, field }, position) => {
      for (const [index, { kind, value }] of values.entries()) {
        // What a field is for, always; of what else there is, a quarter that changes from field to field.
        if (!isFor(field, kind) && (index + position) % 4 !== 0) continue
        const text = { ...step.input, [field]: value }
        const list = { ...step.input, [field]: [value] }
        for (const input of [text, list]) {
          // What the schema refuses never reaches anything; that it is refused well, other tests see.
          if (!isValid(step, input)) continue
          const safe = step.action.tier > 1 ? { ...input, dry_run: true } : input
          const outcome = await call(us, step, safe)
          expectNothingOfTheirs(`${step.title}.${field}`, outcome, input)
          if (outcome.status === 'refused' || outcome.status === 'failed')
            expect([step.title, field, outcome.denial.code]).toEqual([
              step.title,
              field,
              expect.not.stringMatching(/internal|unavailable/),
            ])
        }
      }
    })
    expect(await snapshot()).toEqual(before)
    // Each tool, each of its fields, many things of theirs, in two forms.
  }, 300_000)

  it('things are not reached by acting for real either', async () => {
    const before = await snapshot()
    const kinds: (keyof Things)[] = [
      'organization',
      'site',
      'device',
      'operation',
      'run',
      'key',
      'user',
      'enrollmentToken',
    ]
    for (const kind of kinds) {
      const mixed = steps(world.server.registry.all(), { ...own.things, [kind]: other.things[kind] })
      for (const step of acts(mixed)) {
        if (!JSON.stringify(step.input).includes(other.things[kind])) continue
        const outcome = await call(us, step, step.input)
        expect([step.title, kind, outcome.status]).toEqual([step.title, kind, expect.stringMatching(/refused|failed/)])
      }
    }
    expect(await snapshot()).toEqual(before)
  })
})

/** All that the other organization holds, as the owner sees it, but for what the server notes of it by itself meanwhile. */
async function snapshot(): Promise<unknown> {
  const tables = await world.sql<{ name: string; column: string }>(
    `select table_name as name, column_name as column from information_schema.columns
     where table_schema = 'public' and column_name in ('organization_id', 'organization_ids') and table_name <> 'audit_entries' order by 1, 2`,
  )
  const rows: unknown[] = []
  for (const { name, column } of tables) {
    if (
      column === 'organization_ids' &&
      tables.some((table) => table.name === name && table.column === 'organization_id')
    )
      continue
    const condition = column === 'organization_id' ? 't.organization_id = $1' : '$1 = any (t.organization_ids)'
    rows.push(
      await world.sql(
        `select '${name}' as table, to_jsonb(t) - 'last_used_at' - 'last_used_ip' - 'planned_at' as row from ${name} t where ${condition} order by to_jsonb(t)::text`,
        [other.id],
      ),
    )
  }
  return rows
}
