/** Walks every chain from its first entry and every checkpoint, and names the first thing that is not as it was written. */
import { z } from 'zod'
import type { Db } from '../db.ts'
import { checkpointHash, parseBody, type Checkpoint, type CheckpointCopies, type CheckpointKey } from './checkpoints.ts'
import { GENESIS, linkHash, payloadDigest } from './entry.ts'

const PAGE = 1000

export interface Verification {
  ok: boolean
  entries: number
  checkpoints: number
  first_broken?: { chain: string; seq: number; id: string | null; problem: string }
}

interface Row {
  id: string
  seq: number
  partner_id: string | null
  organization_id: string | null
  at: Date
  kind: string
  call_id: string | null
  channel: string | null
  tool: string | null
  tier: number | null
  decision: string | null
  outcome: string | null
  user_id: string | null
  credential_id: string | null
  body: string
  payload: string | null
  previous: Buffer
  hash: Buffer
}

const bodyShape = z.object({
  id: z.string(),
  seq: z.number(),
  chain: z.string(),
  at: z.string(),
  kind: z.string(),
  partner_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  call_id: z.string().nullable(),
  channel: z.string().nullable(),
  tool: z.string().nullable(),
  tier: z.number().nullable(),
  decision: z.string().nullable(),
  outcome: z.string().nullable(),
  actor: z.object({ user_id: z.string() }).nullable(),
  credential: z.object({ id: z.string() }).nullable(),
  payload_digest: z.string().nullable(),
})

type Broken = NonNullable<Verification['first_broken']>

/** What checkpoints say of each chain: the hash that must stand at a sequence number. */
type Promised = Map<string, Map<number, string>>

export async function verifyAudit(
  db: Db,
  key: CheckpointKey,
  { exported: checkpoints, stored }: CheckpointCopies,
): Promise<Verification> {
  const promised: Promised = new Map()
  const unfit = readPromises(checkpoints, key, promised) ?? compareCopies(checkpoints, stored)
  const chains = await db.worker((tx) =>
    tx.prepared<{ chain: string }>('audit_chains', 'select distinct chain from audit_entries order by chain', []),
  )
  const names = new Set([...chains.map((row) => row.chain), ...promised.keys()])
  let entries = 0
  for (const chain of [...names].sort()) {
    const result = await verifyChain(db, chain, promised.get(chain) ?? new Map())
    entries += result.entries
    if (result.broken) return { ok: false, entries, checkpoints: checkpoints.length, first_broken: result.broken }
  }
  if (unfit) return { ok: false, entries, checkpoints: checkpoints.length, first_broken: unfit }
  return { ok: true, entries, checkpoints: checkpoints.length }
}

function readPromises(checkpoints: readonly Checkpoint[], key: CheckpointKey, promised: Promised): Broken | null {
  let previous = ''
  let seq = 0
  for (const checkpoint of checkpoints) {
    const body = parseBody(checkpoint)
    if (!body || !key.verify(checkpoint.body, checkpoint.signature))
      return brokenCheckpoint(seq + 1, 'its signature does not hold')
    if (body.previous !== previous || body.seq !== seq + 1)
      return brokenCheckpoint(seq + 1, 'a checkpoint before it is missing')
    previous = checkpointHash(checkpoint)
    seq = body.seq
    for (const [chain, head] of Object.entries(body.chains)) {
      const heads = promised.get(chain) ?? new Map<number, string>()
      heads.set(head.seq, head.hash)
      promised.set(chain, heads)
    }
  }
  return null
}

const brokenCheckpoint = (seq: number, problem: string): Broken => ({ chain: 'checkpoints', seq, id: null, problem })

/** The exported lines and the table's rows are two copies of one list: who cuts one leaves the other. */
function compareCopies(exported: CheckpointCopies['exported'], stored: CheckpointCopies['stored']): Broken | null {
  for (let index = 0; index < Math.max(exported.length, stored.length); index += 1) {
    const line = exported[index]
    const row = stored[index]
    if (!line) return brokenCheckpoint(index + 1, 'it is missing among the exported checkpoints')
    if (row?.seq !== index + 1) return brokenCheckpoint(index + 1, 'it is missing in the database')
    if (line.body !== row.body || line.signature !== row.signature)
      return brokenCheckpoint(index + 1, 'the database holds another one than was exported')
  }
  return null
}

async function verifyChain(
  db: Db,
  chain: string,
  promised: ReadonlyMap<number, string>,
): Promise<{ entries: number; broken?: Broken }> {
  let previous: Buffer = GENESIS
  let seq = 0
  let entries = 0
  for (;;) {
    const rows = await db.worker((tx) => tx.prepared<Row>('audit_page', PAGE_TEXT, [chain, seq, PAGE]))
    for (const row of rows) {
      const problem = row.seq !== seq + 1 ? `entry ${seq + 1} is missing` : checkEntry(chain, row, previous, promised)
      if (problem)
        return {
          entries,
          broken: {
            chain,
            seq: row.seq !== seq + 1 ? seq + 1 : row.seq,
            id: row.seq !== seq + 1 ? null : row.id,
            problem,
          },
        }
      previous = row.hash
      seq = row.seq
      entries += 1
    }
    if (rows.length < PAGE) break
  }
  const missing = [...promised.keys()].filter((head) => head > seq).sort((a, b) => a - b)[0]
  if (missing === undefined) return { entries }
  return {
    entries,
    broken: { chain, seq: seq + 1, id: null, problem: `the tail is cut: a checkpoint saw entry ${missing}` },
  }
}

function checkEntry(chain: string, row: Row, previous: Buffer, promised: ReadonlyMap<number, string>): string | null {
  if (!row.previous.equals(previous)) return 'it does not follow the entry before it'
  if (!linkHash(row.previous, row.body).equals(row.hash)) return 'its text was changed'
  const promise = promised.get(row.seq)
  if (promise !== undefined && promise !== row.hash.toString('hex'))
    return 'the chain was rewritten: a checkpoint saw another entry here'
  const body = bodyShape.safeParse(parsed(row.body))
  if (!body.success) return 'its text is not an entry'
  const said = body.data
  const agrees =
    said.id === row.id &&
    said.seq === row.seq &&
    said.chain === chain &&
    said.at === row.at.toISOString() &&
    said.kind === row.kind &&
    said.partner_id === row.partner_id &&
    said.organization_id === row.organization_id &&
    said.call_id === row.call_id &&
    said.channel === row.channel &&
    said.tier === row.tier &&
    said.tool === row.tool &&
    said.decision === row.decision &&
    said.outcome === row.outcome &&
    (said.actor?.user_id ?? null) === row.user_id &&
    (said.credential?.id ?? null) === row.credential_id
  if (!agrees) return 'its searchable columns were changed'
  if (row.payload !== null && payloadDigest(row.payload) !== said.payload_digest) return 'its input was changed'
  return null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the shape refuses it, and the entry is named.
    return null
  }
}

const PAGE_TEXT = `select id, seq, partner_id, organization_id, at, kind, call_id, channel, tool, tier, decision, outcome, user_id, credential_id,
    body, payload, previous, hash
  from audit_entries where chain = $1 and seq > $2 order by seq limit $3`
