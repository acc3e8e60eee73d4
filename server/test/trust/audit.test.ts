import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { armFault } from '../../src/kernel/faults.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { auditBody, type AuditBody, codeOf, commandsOf, hold } from './acts.ts'

let world: Harness
let contoso: Organization
let fabrikam: Organization
let technician: Caller
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  contoso = await world.organization('Contoso')
  fabrikam = await world.organization('Fabrikam')
  await world.device(contoso, 'C-1')
  await world.device(contoso, 'C-2')
  await world.device(fabrikam, 'F-1')
  technician = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
})
afterAll(() => world.stop())

const run = (input: object = {}) =>
  world.invoke(technician, 'run_script', { devices: 'C-1', content: 'true', ...input })
const verify = () => world.server.services.audit.verify()

async function entriesOfCall(auditEntry: string | null): Promise<AuditBody[]> {
  const rows = await world.sql<{ body: string }>(
    'select body from audit_entries where call_id = (select call_id from audit_entries where id = $1) order by seq',
    [auditEntry],
  )
  return rows.map((row) => JSON.parse(row.body) as AuditBody)
}

async function counts(): Promise<Record<string, number>> {
  const [row] = await world.sql<Record<string, string>>(
    `select (select count(*) from operations) as operations, (select count(*) from device_commands) as commands,
       (select count(*) from script_runs) as runs, (select count(*) from audit_entries) as entries`,
  )
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, n]) => [name, Number(n)]))
}

describe('what an entry holds', () => {
  it('masks the secrets of inputs, of tools that exist or not, valid or not', async () => {
    const secret = 'hunter2-Zx91'
    const inputs = [
      { password: secret, nested: [{ api_key: secret, deep: { client_secret: secret } }] },
      { note: `password=${secret}`, header: `Authorization: Bearer ${secret}-${secret}` },
      { url: `https://admin:${secret}@example.test/`, confirmation: secret, token: [secret, secret] },
      { text: 'x'.repeat(30_000), password: secret },
    ]
    for (const input of inputs)
      for (const tool of ['nothing_here', 'run_script']) await world.invoke(technician, tool, input)
    await run({ content: `export DB_PASSWORD=${secret}; echo`, arguments: [`--token=${secret}`] })
    const rows = await world.sql('select from audit_entries where body like $1 or payload like $1', [`%${secret}%`])
    expect(rows).toEqual([])
    const held = await hold(world, technician, 'run_script', { devices: ['C-1', 'C-2'], content: 'true' })
    await run({ devices: ['C-1', 'C-2'], confirmation: held.token })
    const tokens = await world.sql('select from audit_entries where body like $1 or payload like $1', [
      `%${held.token}%`,
    ])
    expect(tokens).toEqual([])
  })

  it('is written once for each organization touched and once for the partner', async () => {
    const input = { devices: ['C-1', 'F-1'], content: 'true' }
    const { token, auditEntry } = await hold(world, technician, 'run_script', input)
    const done = await run({ ...input, confirmation: token })
    const seen = (entries: AuditBody[]) => entries.map(({ kind, organization_id }) => [kind, organization_id])
    const each = (kind: string) => [null, ...[contoso.id, fabrikam.id].sort()].map((id) => [kind, id])
    expect(seen(await entriesOfCall(auditEntry))).toEqual(each('outcome'))
    expect(seen(await entriesOfCall(done.auditEntry))).toEqual([...each('intent'), ...each('outcome')])
    // What one organization reads names nothing of the other.
    const shared = await world.sql<{ body: string; payload: string | null }>(
      'select body, payload from audit_entries where organization_id = $1',
      [fabrikam.id],
    )
    const [device] = await world.sql<{ id: string }>(`select id from devices where name = 'C-1'`)
    expect(shared.length).toBeGreaterThan(0)
    for (const { body, payload } of shared) expect(`${body}${payload}`).not.toMatch(new RegExp(`C-1|${device?.id}`))
  })

  it('has an id that each denial and each act of tier 2 and 3 answers with', async () => {
    const viewer = await world.caller(await world.key(await world.user('partner_viewer'), ['ai:execute']))
    const reader = await world.caller(await world.key(await world.user('partner_technician'), ['ai:read']))
    const operator = await world.operator()
    const script = { devices: 'C-1', content: 'true' }
    const outcomes: [string, Outcome][] = [
      ['unknown_tool', await world.invoke(technician, 'nothing_here', {})],
      ['invalid_input', await run({ devices: 7 })],
      ['invalid_input', await world.invoke(technician, 'run_script', null)],
      ['blocked', await world.invoke(technician, 'device_actions', { devices: 'C-1', action: 'wipe' })],
      ['insufficient_scope', await world.invoke(reader, 'run_script', script)],
      ['forbidden', await world.invoke(viewer, 'run_script', script)],
      ['not_found', await run({ devices: 'nobody' })],
      ['confirmation_invalid', await run({ confirmation: 'brzc_nothing' })],
      ['held', await run({ devices: ['C-1', 'C-2'] })],
      ['done', await run({ dry_run: true })],
      ['done', await run()],
      ['done', await world.invoke(operator, 'create_organization', { name: 'Northwind' })],
      ['conflict', await world.invoke(operator, 'create_organization', { name: 'Northwind' })],
    ]
    for (const [code, outcome] of outcomes) {
      expect(codeOf(outcome)).toBe(code)
      const body = await auditBody(world, outcome.auditEntry ?? '')
      expect([code, body?.kind]).toEqual([code, 'outcome'])
    }
    expect(await verify()).toMatchObject({ ok: true })
  })
})

describe('an audit that can not be written', () => {
  const broken = async (when: string, work: () => Promise<void>): Promise<void> => {
    await world.sql(`create function refuse_entry() returns trigger language plpgsql as
      $$ begin raise exception 'the disk is full'; end $$`)
    await world.sql(
      `create trigger refuse before insert on audit_entries for each row ${when} execute function refuse_entry()`,
    )
    try {
      await work()
    } finally {
      await world.sql('drop function refuse_entry cascade')
    }
  }

  it('refuses acts, reads and refusals themselves, and nothing ran', async () => {
    const before = await counts()
    await broken('', async () => {
      const outcomes = await Promise.all([
        run(),
        world.invoke(technician, 'list_devices', {}),
        run({ devices: 'nobody' }),
      ])
      for (const outcome of outcomes) {
        expect(codeOf(outcome)).toBe('unavailable')
        expect(JSON.stringify(outcome)).not.toContain('disk is full')
      }
    })
    expect(await counts()).toEqual(before)
    expect(codeOf(await run())).toBe('done')
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('without its intent, runs nothing', async () => {
    const before = await counts()
    await broken(`when (new.kind = 'intent')`, async () => expect((await run()).status).not.toBe('done'))
    const { entries = 0, ...after } = await counts()
    expect({ ...after, entries: before['entries'] }).toEqual(before)
    expect(entries).toBeGreaterThanOrEqual(before['entries'] ?? 0)
  })

  it('without its outcome, says that something may have been started', async () => {
    await broken(`when (new.kind = 'outcome')`, async () => {
      const outcome = await run()
      expect(outcome).toMatchObject({ status: 'failed', denial: { code: 'unavailable' } })
      if ('denial' in outcome) expect(outcome.denial.remedy).toContain('get_operation')
    })
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('is noticed when the database drops the entries without an error', async () => {
    const before = await counts()
    await world.sql('create function drop_entry() returns trigger language plpgsql as $$ begin return null; end $$')
    await world.sql('create trigger lose before insert on audit_entries for each row execute function drop_entry()')
    const outcomes = await Promise.all([run(), world.invoke(technician, 'list_devices', {})])
    await world.sql('drop function drop_entry cascade')
    expect(outcomes.map(codeOf)).toEqual(['unavailable', 'unavailable'])
    expect(await counts()).toEqual(before)
    expect(codeOf(await run())).toBe('done')
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('goes on where it was when the table comes back', async () => {
    await world.sql('alter table audit_entries rename to away')
    const outcome = await run()
    await world.sql('alter table away rename to audit_entries')
    expect(codeOf(outcome)).toBe('unavailable')
    expect(codeOf(await run())).toBe('done')
    expect(await verify()).toMatchObject({ ok: true })
  })

  it('that was stored although the write seemed to fail leaves no gap and no fork', async () => {
    const disarm = armFault('audit.flushed', () => {
      disarm()
      throw new Error('the answer was lost')
    })
    expect((await run()).status).not.toBe('done')
    expect(codeOf(await run())).toBe('done')
    expect(await verify()).toMatchObject({ ok: true })
  })
})

describe('the flush', () => {
  it.each(['list_devices', 'run_script', 'nothing_here'])('is waited for by %s', async (tool) => {
    const blocker = new pg.Client({ ...inject('postgres'), database: world.database })
    await blocker.connect()
    try {
      await blocker.query('begin; lock table audit_entries in exclusive mode')
      let answered = false
      const input = tool === 'run_script' ? { devices: 'C-1', content: 'true' } : {}
      const before = await counts()
      const call = world.invoke(technician, tool, input).finally(() => (answered = true))
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(answered).toBe(false)
      // An act whose intent is not durable has not begun.
      expect(await counts()).toEqual(before)
      await blocker.query('commit')
      const outcome = await call
      if (outcome.auditEntry) expect(await auditBody(world, outcome.auditEntry)).toBeDefined()
      expect(answered).toBe(true)
    } finally {
      await blocker.end()
    }
  })
})

describe('two hundred calls at once', () => {
  it('keep the order of the chain, each intent before its outcome', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) => (n % 4 === 0 ? run() : world.invoke(technician, 'list_devices', {}))),
    )
    expect(outcomes.map(codeOf)).toEqual(outcomes.map(() => 'done'))
    expect(await verify()).toMatchObject({ ok: true })
    const [gaps] = await world.sql<{ n: string; last: string }>(
      'select count(*) as n, max(seq) as last from audit_entries',
    )
    expect(Number(gaps?.n)).toBe(Number(gaps?.last))
    const early = await world.sql(
      `select i.call_id from audit_entries i join audit_entries o on o.call_id = i.call_id and o.kind = 'outcome'
         and o.organization_id is not distinct from i.organization_id where i.kind = 'intent' and o.seq < i.seq`,
    )
    expect(early).toEqual([])
  })
})

describe('intents without an outcome', () => {
  it('are closed as interrupted at the next start, once for each organization', async () => {
    const input = { devices: ['C-2', 'F-1'], content: 'true' }
    const { token, operation } = await hold(world, technician, 'run_script', input)
    await world.sql('create rule lose as on insert to audit_entries where new.kind = $$outcome$$ do instead nothing')
    await run({ ...input, confirmation: token })
    expect(await commandsOf(world, operation)).toHaveLength(2)
    const previous = { dataDir: world.dataDir, database: world.database }
    await world.sql('drop rule lose on audit_entries')
    await world.stop({ keep: true })
    world = await boot({ previous, env: { BREEZE_ENV: 'development' } })
    const rows = await world.sql<{ organization_id: string | null; n: string }>(
      `select organization_id, count(*) as n from audit_entries where outcome = 'interrupted' and call_id =
         (select call_id from audit_entries where kind = 'intent' and body like '%"target_count":2%' order by seq desc limit 1)
       group by 1`,
    )
    expect(new Set(rows.map((row) => row.organization_id))).toEqual(new Set([null, contoso.id, fabrikam.id]))
    expect(rows.map((row) => Number(row.n))).toEqual([1, 1, 1])
    expect(await verify()).toMatchObject({ ok: true })
    // What it started goes on by itself.
    expect(await commandsOf(world, operation)).toHaveLength(2)
  })
})
