/**
 * Signed statements of where every chain stands, made each minute and kept outside the database as well
 * (`<data>/audit/checkpoints.ndjson`): who cuts a chain's tail or writes it anew would have to forge these too.
 */
import { createHash } from 'node:crypto'
import { appendFile, mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Db } from '../db.ts'

export interface CheckpointKey {
  id: string
  sign(text: string): string
  verify(text: string, signature: string): boolean
}

const checkpointBody = z.object({
  v: z.literal(1),
  seq: z.number().int(),
  at: z.string(),
  key: z.string(),
  previous: z.string(),
  chains: z.record(z.string(), z.object({ seq: z.number().int(), hash: z.string() })),
})
export type CheckpointBody = z.infer<typeof checkpointBody>
const line = z.object({ body: z.string(), signature: z.string() })
export type Checkpoint = z.infer<typeof line>

export function parseBody(checkpoint: Checkpoint): CheckpointBody | null {
  try {
    const parsed = checkpointBody.safeParse(JSON.parse(checkpoint.body))
    return parsed.success ? parsed.data : null
  } catch {
    // Not JSON: the caller names this checkpoint as the broken one.
    return null
  }
}

export const checkpointHash = (checkpoint: Checkpoint): string =>
  createHash('sha256').update(checkpoint.body).digest('hex')

export class Checkpoints {
  readonly #db: Db
  readonly #key: CheckpointKey
  readonly #file: string
  #last: { seq: number; hash: string; heads: string } = { seq: 0, hash: '', heads: '' }

  constructor(db: Db, key: CheckpointKey, file: string) {
    this.#db = db
    this.#key = key
    this.#file = file
  }

  get key(): CheckpointKey {
    return this.#key
  }

  async open(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
    const last = (await this.read()).at(-1)
    const body = last && parseBody(last)
    if (last && body) this.#last = { seq: body.seq, hash: checkpointHash(last), heads: JSON.stringify(body.chains) }
  }

  /** Writes a checkpoint if any chain has grown; answers whether it did. */
  async write(now: Date): Promise<boolean> {
    const chains = await this.#heads()
    const heads = JSON.stringify(chains)
    if (heads === this.#last.heads || Object.keys(chains).length === 0) return false
    const seq = this.#last.seq + 1
    const body: CheckpointBody = {
      v: 1,
      seq,
      at: now.toISOString(),
      key: this.#key.id,
      previous: this.#last.hash,
      chains,
    }
    const text = JSON.stringify(body)
    const checkpoint = { body: text, signature: this.#key.sign(text) }
    await this.#export(checkpoint)
    await this.#db.workerStatement(
      'audit_checkpoint',
      'insert into audit_checkpoints (seq, at, body, signature) values ($1, $2, $3, $4) on conflict (seq) do nothing',
      [seq, now, text, checkpoint.signature],
    )
    this.#last = { seq, hash: checkpointHash(checkpoint), heads }
    return true
  }

  /** The exported checkpoints, oldest first. A torn last line (a crash while writing) is not one of them. */
  async read(): Promise<Checkpoint[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const lines = text.split('\n')
    lines.pop()
    return lines.filter((item) => item !== '').map((item) => line.parse(JSON.parse(item)))
  }

  async #export(checkpoint: Checkpoint): Promise<void> {
    await appendFile(this.#file, `${JSON.stringify(checkpoint)}\n`, { mode: 0o600 })
    const handle = await open(this.#file, 'r')
    try {
      await handle.datasync()
    } finally {
      await handle.close()
    }
  }

  async #heads(): Promise<CheckpointBody['chains']> {
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{ chain: string; seq: number; hash: Buffer }>('audit_heads', HEADS, []),
    )
    return Object.fromEntries(rows.map((row) => [row.chain, { seq: row.seq, hash: row.hash.toString('hex') }]))
  }
}

// Walks the index from chain to chain instead of reading every entry.
const HEADS = `with recursive chains as (
    (select chain from audit_entries order by chain limit 1)
    union all
    select (select chain from audit_entries where chain > c.chain order by chain limit 1) from chains c where c.chain is not null)
  select c.chain, last.seq, last.hash from chains c
  cross join lateral (select seq, hash from audit_entries e where e.chain = c.chain order by seq desc limit 1) last
  where c.chain is not null order by c.chain`
