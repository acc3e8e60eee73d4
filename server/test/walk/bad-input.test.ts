import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { each, legsOf, type Ended, type Leg } from './legs.ts'
import { steps, type Step } from './samples.ts'
import { furnish } from './world.ts'

let world: Harness
let legs: Record<string, Leg> = {}
let all: Step[]
let key: string
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  const home = await furnish(world, 'Northwind')
  await furnish(world, 'Contoso')
  legs = legsOf(world)
  // Tier 4 is refused whatever the input; nothing else is left out.
  all = steps(world.server.registry.all(), home.things).filter((step) => step.action.tier < 4)
  const user = await world.user('partner_admin')
  key = (await world.key(user, [...ALL_SCOPES])).key
  for (let n = 0; n < 3; n += 1) await world.key(user, ['ai:read'])
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})

const BAD: Record<string, unknown> = {
  null: null,
  true: true,
  'a negative number': -1,
  'a fraction': 0.5,
  'a huge number': 1e300,
  'an empty text': '',
  'a blank text': '   ',
  'a huge text': 'x'.repeat(201_000),
  NUL: 'a\0b',
  'an override of direction': 'a\u202eb',
  'half a character': 'a\ud800b',
  'SQL text': `'; drop table devices; --`,
  'an id of no version': '00000000-0000-0000-0000-000000000000',
  'an empty list': [],
  'a list of nulls': [null],
  'nested lists': [[[['x']]]],
  'a long list': Array.from({ length: 300 }, (_, n) => `item ${n}`),
  'a list with NUL': ['a\0b'],
  'an object': {},
  'an object of objects': { constructor: { prototype: {} }, a: { b: {} } },
  'the year 0': '0000-01-01T00:00:00Z',
  'the last year': '9999-12-31T23:59:59Z',
}

const callers: Record<string, (step: Step, input: unknown) => Promise<Ended>> = {
  CLI: (step, input) => legs['CLI']?.call(key, step.tool.name, input) ?? Promise.reject(new Error('no leg')),
  'MCP 2026-07-28': (step, input) =>
    legs['MCP 2026-07-28']?.call(key, step.tool.name, input) ?? Promise.reject(new Error('no leg')),
}

/** Whatever comes, the answer is one of these: never `internal`, never a 5xx, nothing of the machine inside. */
function expectCivil(title: string, ended: Ended): void {
  expect([title, ended.code, ended.status < 500]).toEqual([
    title,
    expect.not.stringMatching(/^(internal|unavailable|rpc -32603)$/),
    true,
  ])
  expect([title, ended.raw]).toEqual([title, expect.not.stringMatching(/invalid input syntax|ECONN|at \w+ \(|\.ts:\d/)])
}

/** All legs end in the same parser: beyond the first, each value goes to other fields, a fifth of them. */
function share<T>(tries: readonly T[], what: string): T[] {
  const place = Object.keys(BAD).indexOf(what)
  return tries.filter((_, index) => (index + place) % 5 === 0)
}

/** With `dry_run` where it can act, so that the walk changes nothing. */
const harmless = (step: Step, input: Record<string, unknown>) =>
  step.action.tier > 1 ? { ...input, dry_run: true } : input

describe.each(Object.keys(callers))('over %s', (name) => {
  const call = callers[name] ?? (() => Promise.reject(new Error('no leg')))
  const on = () => all.filter((step) => name === 'CLI' || step.tool.surfaces.has('mcp'))

  it.each(Object.entries(BAD))('answers %s in its fields by naming the field, or as usual', async (what, value) => {
    const tries = on().flatMap((step) => Object.keys(step.tool.inputSchema.shape).map((field) => ({ step, field })))
    await each(name === 'CLI' ? tries : share(tries, what), async ({ step, field }) => {
      const title = `${step.title}.${field} = ${what}`
      const input = { ...harmless(step, step.input), [field]: value }
      const fits = step.tool.inputSchema.safeParse(input).success && !JSON.stringify(value).includes(String.raw`\u0000`)
      const ended = await call(step, input)
      expectCivil(title, ended)
      if (fits) return
      expect([title, ended.code]).toEqual([title, 'invalid_input'])
      // NUL is refused before the fields are looked at.
      const named = JSON.stringify(value).includes(String.raw`\u0000`) ? 'input' : field
      expect([title, ended.data['reason']]).toEqual([title, expect.stringMatching(new RegExp(`${named}|${field}`))])
    })
  })

  it('refuses unknown fields by name', async () => {
    await each(on(), async (step) => {
      const ended = await call(step, { ...step.input, surprise: 1 })
      expect([step.title, ended.code, ended.data['reason']]).toEqual([
        step.title,
        'invalid_input',
        expect.stringContaining('surprise'),
      ])
    })
  })

  it('refuses inputs that are no objects', async () => {
    await each(on(), async (step) => {
      for (const input of [[], 'text', 7, true]) {
        const ended = await call(step, input)
        expect([step.title, ended.status < 500, ended.code]).toEqual([
          step.title,
          true,
          expect.stringMatching(/^(invalid_input|rpc -32602|rpc -32600)$/),
        ])
      }
    })
  })
})

it('answers long names with long lists at once, and shortly', async () => {
  const [step] = all
  if (!step) throw new Error('no tools')
  const began = performance.now()
  const ended = await callers['CLI']?.(step, { ['x'.repeat(400_000)]: Array.from({ length: 200_000 }, () => 1) })
  expect(ended).toMatchObject({ code: 'invalid_input', status: 400 })
  expect(ended?.raw.length).toBeLessThan(5_000)
  expect(performance.now() - began).toBeLessThan(3_000)
})

const FORGED: unknown[][] = [
  [],
  [null],
  [1, 2],
  ['', ''],
  ['x', 'not an id'],
  ['a\0b', '0199c0de-0000-7000-8000-000000000000'],
  ['foo 1', '0199c0de-0000-7000-8000-000000000000'],
  ['2026-01-01 (a note)', '0199c0de-0000-7000-8000-000000000000'],
  ['+275760-09-13T00:00:00.000Z', '0199c0de-0000-7000-8000-000000000000'],
  ['-000001-01-01T00:00:00.000Z', '0199c0de-0000-7000-8000-000000000000'],
  ['2026-01-01T00:00:00.000Z', `0199c0de-0000-7000-8000-00000000000'`],
  [null, '0199c0de-0000-7000-8000-000000000000'],
  ['2026-01-01T00:00:00Z', '0199c0de-0000-7000-8000-000000000000', 'more', 'x', 'y'],
]

it('refuses forged cursors that carry the right binding', async () => {
  const lists = all.filter((step) => 'cursor' in step.tool.inputSchema.shape && step.tool.name !== 'get_script_results')
  expect(lists.length).toBeGreaterThan(5)
  let forged = 0
  const call = callers['CLI']
  await each(lists, async (step) => {
    for (const more of [{}, ...(step.tool.name === 'list_devices' ? [{ sort: 'last_seen' }] : [])]) {
      const input = { limit: 1, ...more }
      const first = await call?.(step, input)
      const cursor = first?.data['next_cursor']
      if (typeof cursor !== 'string') continue
      const [binding] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [string, unknown]
      for (const position of FORGED) {
        const junk = Buffer.from(JSON.stringify([binding, position])).toString('base64url')
        const ended = await call?.(step, { ...input, cursor: junk })
        forged += 1
        if (ended) expectCivil(`${step.title} ${JSON.stringify(position)}`, ended)
      }
    }
  })
  expect(forged).toBeGreaterThan(50)
})

const TRAPS: [tool: string, input: Record<string, unknown>][] = [
  ['query_audit_log', { since: '0000-01-01T00:00:00Z' }],
  ['query_audit_log', { until: '0000-12-31T23:59:59.999999999Z' }],
  ['query_audit_log', { tool: [] }],
  ['query_audit_log', { channel: [], decision: [] }],
  ['list_devices', { last_seen_before: '0000-01-01T00:00:00Z', sort: 'last_seen' }],
  ['list_devices', { text: String.raw`\%_`, os: '\\' }],
  ['list_users', { text: String.raw`\%_\\` }],
  ['get_device_details', { device: 'x'.repeat(255), sections: [] }],
  ['create_api_key', { name: 'k', scopes: ['ai:read'], partner_wide: true, ip_allow_list: ['fe80::1%eth0'] }],
  ['create_api_key', { name: 'k', scopes: ['ai:read'], partner_wide: true, ip_allow_list: ['10.0.0.1/032'] }],
  ['create_api_key', { name: 'k', scopes: ['ai:read'], partner_wide: true, ip_allow_list: ['::ffff:10.0.0.1/96'] }],
  ['create_api_key', { name: 'k', scopes: ['ai:read'], partner_wide: true, ip_allow_list: ['1.2.3.4/0'] }],
  ['update_api_key', { key: 'Northwind Key', ip_allow_list: ['::1%1/64'] }],
  ['create_organization', { name: 'a\ud800b' }],
  [
    'create_user',
    { email: `${'x'.repeat(60)}@example.test`, role: 'viewer', organizations: ['Northwind Incorporated'] },
  ],
  ['run_script', { devices: 'Northwind-WS-01', content: 'a\ud800b', arguments: ['\ud800'] }],
  ['run_script', { filter: { text: '\\' }, content: 'true' }],
  ['preview_action', { tool: 'preview_action', input: { tool: 'preview_action', input: {} } }],
  ['preview_action', { tool: 'whoami', input: {} }],
  ['preview_action', { tool: '__proto__', input: {} }],
  ['preview_action', { tool: 'run_script', input: { devices: 'Northwind-WS-01', content: 'x', confirmation: 'y' } }],
  ['emergency_stop', { action: '__proto__' }],
  ['device_actions', { action: 'constructor', devices: 'x' }],
]

it.each(TRAPS)('%s takes %j without falling over', async (tool, input) => {
  const step = all.find((item) => item.tool.name === tool)
  if (!step) throw new Error(`no tool ${tool}`)
  const ended = await callers['CLI']?.(step, input)
  if (ended) expectCivil(tool, ended)
})
