import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { linkHash } from '../../src/kernel/audit/entry.ts'
import { makePrivateKey } from './forger.ts'
import { boot, type Harness } from '../harness.ts'

let world: Harness
let chain: string
/** Sequence numbers that checkpoints saw: one in the middle, one at the end. */
let middle: number
let last: number
let file: string
let exported: string

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  const organization = await world.organization('Contoso')
  await world.device(organization, 'C-1')
  const caller = await world.caller(await world.key(await world.user('partner_technician'), ['ai:execute']))
  const act = async (): Promise<void> => {
    await world.invoke(caller, 'list_devices', {})
    await world.invoke(caller, 'run_script', { devices: 'C-1', content: 'true' })
    await world.invoke(caller, 'run_script', { devices: 'nobody', content: 'true' })
  }
  await act()
  await act()
  await world.server.checkpoints.write(new Date())
  middle = world.server.audit.head.seq
  await act()
  await act()
  await world.server.checkpoints.write(new Date())
  last = world.server.audit.head.seq
  chain = world.server.audit.chain
  file = join(world.dataDir, 'audit', 'checkpoints.ndjson')
  exported = await readFile(file, 'utf8')
  await world.sql('create table kept_entries as table audit_entries')
  await world.sql('create table kept_checkpoints as table audit_checkpoints')
})
afterEach(async () => {
  await world.sql('truncate audit_entries, audit_checkpoints')
  await world.sql('insert into audit_entries table kept_entries')
  await world.sql('insert into audit_checkpoints table kept_checkpoints')
  await writeFile(file, exported)
  expect(await verify()).toMatchObject({ ok: true, entries: last, checkpoints: 2 })
})
afterAll(() => world.stop())

const verify = () => world.server.services.audit.verify()
const expectBroken = async (broken: object): Promise<void> =>
  expect(await verify()).toMatchObject({ ok: false, first_broken: broken })
const at = (seq: number, set: string) => world.sql(`update audit_entries set ${set} where seq = $1`, [seq])

interface Entry {
  seq: number
  body: string
}

/** What somebody with the database's password could do: every link made anew from an entry on. */
async function relink(change: (entry: Entry) => string): Promise<void> {
  const rows = await world.sql<Entry>('select seq, body from audit_entries order by seq')
  let previous: Buffer = Buffer.alloc(32)
  for (const row of rows) {
    const body = change(row)
    const hash = linkHash(previous, body)
    await world.sql('update audit_entries set body = $2, previous = $3, hash = $4 where seq = $1', [
      row.seq,
      body,
      previous,
      hash,
    ])
    previous = hash
  }
}

describe('an entry', () => {
  it('whose text was edited is named', async () => {
    await at(3, `body = replace(body, 'test 1.0', 'test 1.1')`)
    await expectBroken({ chain, seq: 3, problem: expect.stringContaining('text was changed') })
  })

  it('whose text and hash were edited shows at the next one', async () => {
    const [row] = await world.sql<Entry & { previous: Buffer }>(
      'select body, previous from audit_entries where seq = 3',
    )
    const body = (row?.body ?? '').replace('test 1.0', 'test 1.1')
    const hash = linkHash(row?.previous ?? Buffer.alloc(0), body)
    await world.sql('update audit_entries set body = $1, hash = $2 where seq = 3', [body, hash])
    await expectBroken({ chain, seq: 4, problem: expect.stringContaining('does not follow') })
  })

  it.each([
    ['id', 'gen_random_uuid()'],
    ['partner_id', 'null'],
    ['organization_id', 'gen_random_uuid()'],
    ['at', `at + interval '1 millisecond'`],
    ['kind', `'system'`],
    ['call_id', 'gen_random_uuid()'],
    ['user_id', 'gen_random_uuid()'],
    ['credential_id', `'another'`],
    ['channel', `'console'`],
    ['tool', `'list_sites'`],
    ['tier', '4'],
    ['decision', `'held'`],
    ['outcome', `'interrupted'`],
  ])('whose %s was edited is named', async (column, value) => {
    await at(2, `${column} = ${value}`)
    await expectBroken({ chain, seq: 2, problem: expect.stringContaining('searchable columns') })
  })

  it('whose input was edited is named, and one that was purged is whole', async () => {
    await at(2, `payload = '{"devices":"C-2"}'`)
    await expectBroken({ chain, seq: 2, problem: expect.stringContaining('input was changed') })
    await at(2, 'payload = null')
    expect(await verify()).toMatchObject({ ok: true })
    await world.sql('update audit_entries set payload = null')
    expect(await verify()).toMatchObject({ ok: true, entries: last })
  })
})

describe('the chain', () => {
  it('with two entries that changed places names the first of them', async () => {
    await world.sql('update audit_entries set seq = -1 where seq = 3')
    await world.sql('update audit_entries set seq = 3 where seq = 4')
    await world.sql('update audit_entries set seq = 4 where seq = -1')
    await expectBroken({ chain, seq: 3, problem: expect.any(String) })
  })

  it.each([1, 4])('without its entry %i names it', async (seq) => {
    await world.sql('delete from audit_entries where seq = $1', [seq])
    await expectBroken({ chain, seq, id: null, problem: `entry ${seq} is missing` })
  })

  it('whose gap was closed by renumbering is found', async () => {
    await world.sql('delete from audit_entries where seq = 4')
    for (let seq = 5; seq <= last; seq += 1)
      await world.sql('update audit_entries set seq = $2 where seq = $1', [seq, seq - 1])
    await expectBroken({ chain, seq: 4, problem: expect.stringContaining('does not follow') })
  })

  it('whose tail was cut is found by the checkpoint that saw it', async () => {
    await world.sql('delete from audit_entries where seq > $1', [last - 2])
    await expectBroken({ chain, seq: last - 1, id: null, problem: expect.stringContaining('tail is cut') })
    await world.sql('delete from audit_entries')
    await expectBroken({ chain, seq: 1, id: null, problem: expect.stringContaining('tail is cut') })
  })

  it('that was rewritten with new hashes is found at the first checkpoint after the change', async () => {
    await relink(({ seq, body }) => (seq === 3 ? body.replace('test 1.0', 'test 1.1') : body))
    await expectBroken({ chain, seq: middle, problem: expect.stringContaining('rewritten') })
  })

  it('that was rewritten under another name is found missing', async () => {
    const other = '00000000-0000-4000-8000-000000000001'
    await relink(({ body }) => body.replaceAll(chain, other))
    await world.sql('update audit_entries set chain = $1', [other])
    await expectBroken({ chain, seq: 1, problem: expect.stringContaining('tail is cut') })
  })
})

describe('the checkpoints', () => {
  const lines = () => exported.trimEnd().split('\n')
  const writeLines = (...of: (string | undefined)[]) => writeFile(file, of.map((line) => `${line}\n`).join(''))

  it('are found missing: the first, the last, all, in either copy', async () => {
    await writeLines(lines()[1])
    await expectBroken({ chain: 'checkpoints', seq: 1 })
    await writeLines(lines()[0])
    await expectBroken({ chain: 'checkpoints', seq: 2 })
    await writeLines()
    await expectBroken({ chain: 'checkpoints', seq: 1 })
    await writeFile(file, exported)
    await world.sql('delete from audit_checkpoints where seq = 2')
    await expectBroken({ chain: 'checkpoints', seq: 2, problem: expect.stringContaining('database') })
  })

  it('are found edited or signed by somebody else', async () => {
    const [first = '', second = ''] = lines()
    await writeLines(first, second.replace(/\\"seq\\":2/, '\\"seq\\":3'))
    await expectBroken({ chain: 'checkpoints', seq: 2, problem: expect.stringContaining('signature') })
    const { body } = JSON.parse(second) as { body: string }
    const forged = { body, signature: makePrivateKey().sign(body) }
    await writeLines(first, JSON.stringify(forged))
    await expectBroken({ chain: 'checkpoints', seq: 2, problem: expect.stringContaining('signature') })
    await writeLines(first, 'not a checkpoint')
    await expectBroken({ chain: 'checkpoints', seq: 2, problem: expect.stringContaining('signature') })
  })

  it('that were forged together with a rewritten chain are named', async () => {
    await relink(({ seq, body }) => (seq === 3 ? body.replace('test 1.0', 'test 1.1') : body))
    const heads = await world.sql<{ seq: number; hash: Buffer }>('select seq, hash from audit_entries')
    const hashOf = (seq: number) => heads.find((head) => Number(head.seq) === seq)?.hash.toString('hex') ?? ''
    const forger = makePrivateKey()
    const forged = lines().map((line) => {
      const { body } = JSON.parse(line) as { body: string }
      const said = JSON.parse(body) as { chains: Record<string, { seq: number; hash: string }> }
      for (const head of Object.values(said.chains)) head.hash = hashOf(head.seq)
      const text = JSON.stringify(said)
      return JSON.stringify({ body: text, signature: forger.sign(text) })
    })
    await writeLines(...forged)
    await world.sql('truncate audit_checkpoints')
    await expectBroken({ chain: 'checkpoints', seq: 1, problem: expect.stringContaining('signature') })
  })
})
