/** The audit as whoever wants to hide something meets it: every way to change it is found, and no act goes past it. */
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Caller } from '../../src/kernel/caller.ts'
import { draftFor, linkHash } from '../../src/kernel/audit/entry.ts'
import { defineTool } from '../../src/kernel/tool.ts'
import { boot, type Harness, type Organization } from '../harness.ts'

/** An act without a device: how often it ran shows whether a refused call went on all the same. */
let ran = 0
const probe = defineTool({
  name: 'probe_act',
  title: 'Probe',
  description: 'Acts on organizations, for this test.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'cli'],
  actions: { tier: 2, permission: 'devices.write' },
  input: z.object({
    organizations: z.array(z.string()).default([]),
    note: z.string().optional(),
    password: z.string().optional(),
    login: z.record(z.string(), z.unknown()).optional(),
  }),
  output: z.object({ ran: z.number() }),
  targets: async ({ caller }, input) =>
    input.organizations.map((id) => ({
      kind: 'organization' as const,
      id,
      name: caller.organizations.get(id)?.name ?? id,
      organizationId: id,
      siteId: null,
    })),
  run: async () => {
    ran += 1
    return ran
  },
  present: (count) => ({ text: `ran ${count}`, data: { ran: count } }),
})

let world: Harness
let contoso: Organization
let fabrikam: Organization
let technician: Caller
let file: string

interface Entry extends Record<string, unknown> {
  id: string
  seq: number
  kind: string
  organization_id: string | null
  decision: string | null
  outcome: string | null
  body: string
  payload: string | null
  hash: Buffer
}
const entries = (where: string, values: unknown[] = []): Promise<Entry[]> =>
  world.sql<Entry>(`select * from audit_entries where ${where} order by seq`, values)
const entry = async (id: string | null): Promise<Entry | undefined> => (await entries('id = $1', [id]))[0]
const verify = () => world.server.services.audit.verify()
const act = (input: Record<string, unknown> = {}) => world.invoke(technician, 'probe_act', input)
const checkpoint = () => world.server.checkpoints.write(new Date())

beforeAll(async () => {
  world = await boot({ extraTools: [probe] })
  contoso = await world.organization('Contoso')
  fabrikam = await world.organization('Fabrikam')
  technician = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
  file = join(world.dataDir, 'audit', 'checkpoints.ndjson')
  for (let n = 0; n < 5; n += 1) await act()
  await checkpoint()
  for (let n = 0; n < 5; n += 1) await act()
  await checkpoint()
  await act()
})
afterAll(() => world.stop())

describe('a chain that nobody touched', () => {
  it('verifies, its checkpoints included', async () => {
    expect(await verify()).toMatchObject({ ok: true, checkpoints: 2 })
  })

  it('keeps its order under 200 calls at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => act()))
    expect(outcomes.every((outcome) => outcome.status === 'done')).toBe(true)
    const seqs = (await entries('true')).map((row) => row.seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    expect(await verify()).toMatchObject({ ok: true, entries: seqs.length })
  })
})

describe('tampering', () => {
  let exported: string
  beforeEach(async () => {
    exported = await readFile(file, 'utf8')
    await world.sql('create table kept as select * from audit_entries')
    await world.sql('create table kept_checkpoints as select * from audit_checkpoints')
  })
  afterEach(async () => {
    await writeFile(file, exported)
    await world.sql('truncate audit_entries')
    await world.sql('insert into audit_entries select * from kept')
    await world.sql('truncate audit_checkpoints')
    await world.sql('insert into audit_checkpoints select * from kept_checkpoints')
    await world.sql('drop table kept, kept_checkpoints')
    expect(await verify()).toMatchObject({ ok: true })
  })

  const found = async (seq: number, problem: RegExp): Promise<void> =>
    expect(await verify()).toMatchObject({ ok: false, first_broken: { seq, problem: expect.stringMatching(problem) } })
  const rehash = async (from: number): Promise<void> => {
    let previous: Buffer = Buffer.alloc(32)
    for (const row of await entries('true')) {
      const hash = linkHash(previous, row.body)
      if (row.seq >= from)
        await world.sql('update audit_entries set previous = $1, hash = $2 where id = $3', [previous, hash, row.id])
      previous = hash
    }
  }

  it.each([
    ["an entry's text", `body = replace(body, '"tier":2', '"tier":1')`, /text was changed/],
    ["an entry's text into no text at all", `body = 'nothing to see'`, /text was changed/],
    ["an entry's input", `payload = '{"organizations":["other"]}'`, /input was changed/],
    ['where an entry belongs', `organization_id = gen_random_uuid()`, /columns were changed/],
    ['whose entry it is', `partner_id = null`, /columns were changed/],
    ['who did it', `user_id = gen_random_uuid()`, /columns were changed/],
    ['with which credential', `credential_id = 'other'`, /columns were changed/],
    ['when', `at = at - interval '1 hour'`, /columns were changed/],
    ['what kind of entry it is', `kind = 'system'`, /columns were changed/],
    ['which call it is of', `call_id = gen_random_uuid()`, /columns were changed/],
    ['through which channel', `channel = 'console'`, /columns were changed/],
    ['which tool', `tool = 'whoami'`, /columns were changed/],
    ['which tier', 'tier = 1', /columns were changed/],
    ['what was decided', `decision = 'denied'`, /columns were changed/],
    ['how it ended', `outcome = 'failed'`, /columns were changed/],
    ['its id', 'id = gen_random_uuid()', /columns were changed/],
  ])('with %s is found and named', async (_, change, problem) => {
    await world.sql(`update audit_entries set ${change} where seq = 6`)
    await found(6, problem)
  })

  it('with a chain that this server never wrote is found', async () => {
    await world.sql(
      `insert into audit_entries select gen_random_uuid(), gen_random_uuid(), seq, partner_id, organization_id, at, kind, call_id,
        user_id, credential_id, channel, tool, tier, decision, outcome, body, payload, previous, hash from audit_entries where seq = 1`,
    )
    await found(1, /columns were changed/)
  })

  it('by an entry removed from the middle is found', async () => {
    await world.sql('delete from audit_entries where seq = 4')
    await found(4, /entry 4 is missing/)
  })

  it('by two entries that changed places is found', async () => {
    await world.sql('update audit_entries set seq = case seq when 3 then -4 else -3 end where seq in (3, 4)')
    await world.sql('update audit_entries set seq = -seq where seq < 0')
    await found(3, /does not follow/)
  })

  it('by an inserted entry is found', async () => {
    await world.sql('update audit_entries set seq = -seq - 1 where seq > 3')
    await world.sql('update audit_entries set seq = -seq where seq < 0')
    await world.sql(
      `insert into audit_entries select gen_random_uuid(), chain, 4, partner_id, organization_id, at, kind, call_id,
        user_id, credential_id, channel, tool, tier, decision, outcome, body, payload, previous, hash from audit_entries where seq = 3`,
    )
    await found(4, /does not follow/)
  })

  it('by a tail cut behind a checkpoint is found', async () => {
    await world.sql('delete from audit_entries where seq > 12')
    await found(13, /tail is cut/)
  })

  it('by everything removed is found', async () => {
    await world.sql('delete from audit_entries')
    await found(1, /tail is cut/)
  })

  it('by the whole chain written anew with links that hold is found', async () => {
    await world.sql(`update audit_entries set body = replace(body, '"tier":2', '"tier":1'), tier = 1 where seq = 2`)
    await rehash(2)
    await found(10, /rewritten/)
  })

  it('by a written-anew tail that no checkpoint has seen is the one thing nobody can find, until the next minute', async () => {
    const [last] = await entries('true').then((all) => all.slice(-1))
    await world.sql('delete from audit_entries where seq = $1', [last?.seq])
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('with the exported checkpoints is found: lines cut, removed, changed, forged, made unreadable', async () => {
    const lines = exported.trimEnd().split('\n')
    const written = async (...changed: (string | undefined)[]) =>
      writeFile(file, changed.map((line) => `${line}\n`).join(''))
    await written(lines[0])
    await found(2, /missing among the exported/)
    await written(lines[1])
    await found(1, /before it is missing/)
    await written()
    await found(1, /missing among the exported/)
    await written(lines[0], lines[1]?.replace(/"hash\\":\\"../, String.raw`"hash\":\"00`))
    await found(2, /signature/)
    await written(lines[0], 'scribble')
    await found(2, /signature/)
    await written(lines[0], lines[1], lines[1])
    await found(3, /before it is missing/)
  })

  it('with the checkpoints in the database is found', async () => {
    await world.sql('delete from audit_checkpoints where seq = 2')
    await found(2, /missing in the database/)
    await world.sql('delete from audit_checkpoints')
    await found(1, /missing in the database/)
    await world.sql('insert into audit_checkpoints select seq, at, $1, signature from kept_checkpoints', ['{}'])
    await found(1, /another one than was exported/)
  })

  it('by cutting the tail together with the checkpoints that saw it in one of their copies is found', async () => {
    await world.sql('delete from audit_entries where seq > 10')
    await writeFile(file, `${exported.split('\n')[0]}\n`)
    await found(2, /missing among the exported/)
  })
})

describe('inputs', () => {
  it('can be purged without breaking the chain', async () => {
    await world.sql('update audit_entries set payload = null where seq < 8')
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('hold no secret in any form, however long they are', async () => {
    const secrets = {
      password: 'correct-horse-1',
      login: {
        token: 'correct-horse-2',
        client_secret: { value: 'correct-horse-3' },
        newPassword: 'correct-horse-4',
        pin: 5,
      },
      note: `a key brz_correcthorse5, an enrollment token brze_correcthorse6, a confirmation brzc_correcthorse7,
        Authorization: Bearer correct-horse-8-xxxxx, {"password": "correct-horse-9"}, DB_PASSWORD=correct-horse-10,
        postgres://app:correct-horse-11@db/x`,
    }
    for (const input of [
      secrets,
      { ...secrets, note: secrets.note + ' '.repeat(30_000) },
      { ...secrets, surplus: 'x'.repeat(30_000) },
    ]) {
      const outcome = await act(input)
      const said = await entry(outcome.auditEntry)
      expect(said?.payload).toBeTruthy()
      expect(`${said?.payload}${said?.body}`).not.toMatch(/correct-?horse/)
    }
  })
})

describe('what a call leaves', () => {
  it('is an intent and an outcome for each act, in this order, and the answer names one that exists', async () => {
    const outcome = await act({ organizations: [contoso.id] })
    const said = await entry(outcome.auditEntry)
    expect(said).toMatchObject({
      kind: 'outcome',
      decision: 'allowed',
      outcome: 'succeeded',
      organization_id: contoso.id,
    })
    const both = await entries('call_id = $1', [said?.['call_id']])
    expect(both.map((row) => row.kind)).toEqual(['intent', 'outcome'])
    expect(outcome).toMatchObject({ status: 'done', data: { audit_entry: said?.id } })
  })

  it("is one entry per organization touched, which tells nothing of the other's, and one whole for the partner", async () => {
    const outcome = await act({ organizations: [contoso.id, fabrikam.id], note: 'for Contoso and Fabrikam' })
    const [first] = await entries('id = $1', [outcome.auditEntry])
    const all = await entries(`call_id = $1 and kind = 'outcome'`, [first?.['call_id']])
    expect(new Set(all.map((row) => row.organization_id))).toEqual(new Set([null, contoso.id, fabrikam.id]))
    const own = all.find((row) => row.organization_id === contoso.id)
    expect(`${own?.body}${own?.payload}`).not.toMatch(new RegExp(`Fabrikam|${fabrikam.id}`))
    expect(all.find((row) => row.organization_id === null)?.payload).toContain('for Contoso and Fabrikam')
  })

  it('is an entry for every kind of refusal', async () => {
    const reader = await world.caller(await world.key(await world.user('partner_technician'), ['ai:read']))
    for (const [caller, tool, input] of [
      [technician, 'no_such_tool', {}],
      [technician, 'probe_act', { surplus: true }],
      [technician, 'device_actions', { action: 'wipe', devices: 'x' }],
      [technician, 'query_audit_log', {}],
      [reader, 'probe_act', {}],
      [technician, 'get_device_details', { device: 'nobody' }],
    ] as const) {
      const outcome = await world.invoke(caller, tool, input)
      expect(outcome.status).toMatch(/refused|failed/)
      expect(await entry(outcome.auditEntry), tool).toMatchObject({ tool, user_id: caller.user.id, kind: 'outcome' })
    }
  })

  it.each([
    ['a NUL', 'ab\0cd'],
    ['half of a character', 'ab\ud800cd'],
    ['a character cut in half', `${'x'.repeat(99)}😀`],
    ['10,000 characters', 'y'.repeat(10_000)],
  ])('stands even for a tool whose name holds %s, and fails nobody else', async (_, name) => {
    const [refused, ...others] = await Promise.all([
      world.invoke(technician, name, { note: name }),
      act(),
      act(),
      act(),
    ])
    expect(refused).toMatchObject({ status: 'refused', denial: { code: 'unknown_tool' } })
    expect(await entry(refused.auditEntry)).toBeDefined()
    expect(others.map((outcome) => outcome.status)).toEqual(['done', 'done', 'done'])
    expect(await verify()).toMatchObject({ ok: true })
  })
})

describe('a checkpoint that fails halfway', () => {
  it.each([
    ['its row', 'alter table audit_checkpoints rename to away', 'alter table away rename to audit_checkpoints'],
    ['the heads', 'alter table audit_entries rename to away', 'alter table away rename to audit_entries'],
  ])('is mended by the next one when %s could not be written or read', async (_, breaks, mends) => {
    await act()
    await world.sql(breaks)
    await expect(checkpoint()).rejects.toThrow('does not exist')
    await world.sql(mends)
    await act()
    expect(await checkpoint()).toBe(true)
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('is never seen halfway by a verification', async () => {
    for (let n = 0; n < 10; n += 1) {
      await act()
      const [, ...found] = await Promise.all([checkpoint(), verify(), verify()])
      expect(found.map((verification) => verification.ok)).toEqual([true, true])
    }
  })
})

describe('the next start', () => {
  it('closes everything that the last one left open, and verifies, even with a line torn by the crash', async () => {
    const many = 1200
    const intent = { ...draftFor(technician, 'intent', new Date()), tool: 'probe_act', tier: 2 }
    await Promise.all(
      Array.from({ length: many }, () => world.server.audit.append({ ...intent, callId: randomUUID() })),
    )
    await checkpoint()
    await world.stop({ keep: true })
    const text = await readFile(file, 'utf8')
    await writeFile(file, `${text}{"body":"{\\"v\\":1,`)
    world = await boot({ extraTools: [probe], previous: { dataDir: world.dataDir, database: world.database } })
    const closed = await entries(`outcome = 'interrupted'`)
    expect(closed).toHaveLength(many)
    expect(closed[0]).toMatchObject({ kind: 'outcome', tool: 'probe_act', channel: 'system' })
    technician = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
    await act()
    expect(await checkpoint()).toBe(true)
    expect(await verify()).toMatchObject({ ok: true })
  })
})

it('appends fast enough to be worth a line', async () => {
  const began = performance.now()
  const count = 5000
  const draft = { ...draftFor(technician, 'system', new Date()), tool: 'probe_act', input: { devices: ['a', 'b'] } }
  await Promise.all(Array.from({ length: count }, () => world.server.audit.append(draft)))
  process.stdout.write(`audit: ${Math.round((count / (performance.now() - began)) * 1000)} appends a second\n`)
})
