/**
 * Signed statements of where every chain stands, made each minute and kept outside the database as well
 * (`<data>/audit/checkpoints.ndjson`): who cuts a chain's tail or writes it anew would have to forge these too.
 */
import { createHash } from 'node:crypto'
import { appendFile, mkdir, open, readFile, truncate } from 'node:fs/promises'
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

/** The same list twice, each oldest first. */
export interface CheckpointCopies {
  exported: readonly Checkpoint[]
  stored: readonly (Checkpoint & { seq: number })[]
}

export function parseBody(checkpoint: Checkpoint): CheckpointBody | null {
  try {
    const parsed = checkpointBody.safeParse(JSON.parse(checkpoint.body))
    return parsed.success ? parsed.data : null
  } catch {
    // Not JSON: the caller names this checkpoint as the broken one.
    return null
  }
}

/** A line that is none stays in the list, where its signature does not hold. */
function parseLine(text: string): Checkpoint {
  try {
    const parsed = line.safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
  } catch {
    // Not JSON: answered below like any other line that is no checkpoint.
  }
  return { body: text, signature: '' }
}

export const checkpointHash = (checkpoint: Checkpoint): string =>
  createHash('sha256').update(checkpoint.body).digest('hex')

export class Checkpoints {
  readonly #db: Db
  readonly #key: CheckpointKey
  readonly #file: string
  #busy: Promise<void> = Promise.resolve()
  /** A write failed and may have left one copy without the other. */
  #uncertain = false
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
    await this.#resume()
  }

  /** Takes the list up where the file ends, and mends what a crash or an error between the two copies left. */
  async #resume(): Promise<void> {
    await this.#dropTornLine()
    const last = (await this.#exported()).at(-1)
    const body = last && parseBody(last)
    if (last && body && this.#key.verify(last.body, last.signature)) {
      this.#last = { seq: body.seq, hash: checkpointHash(last), heads: JSON.stringify(body.chains) }
      await this.#store(body, last)
    }
    this.#uncertain = false
  }

  /** Writes a checkpoint if any chain has grown; answers whether it did. */
  write(now: Date): Promise<boolean> {
    return this.#alone(() => this.#write(now))
  }

  async #write(now: Date): Promise<boolean> {
    if (this.#uncertain) await this.#resume()
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
    this.#uncertain = true
    await this.#export(checkpoint)
    await this.#store(body, checkpoint)
    this.#last = { seq, hash: checkpointHash(checkpoint), heads }
    this.#uncertain = false
    return true
  }

  /** Both copies as they stand between two writes. */
  read(): Promise<CheckpointCopies> {
    return this.#alone(async () => {
      const text = 'select seq, body, signature from audit_checkpoints order by seq'
      const stored = await this.#db.worker((tx) =>
        tx.prepared<Checkpoint & { seq: number }>('audit_checkpoints', text, []),
      )
      return { exported: await this.#exported(), stored }
    })
  }

  /** One at a time: half a write looks like tampering. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(work)
    this.#busy = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  /** The lines of the file. A torn last one (a crash while writing) is not one of them. */
  async #exported(): Promise<Checkpoint[]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const lines = text.split('\n')
    lines.pop()
    return lines.filter((item) => item !== '').map(parseLine)
  }

  async #store(body: CheckpointBody, checkpoint: Checkpoint): Promise<void> {
    await this.#db.workerStatement(
      'audit_checkpoint',
      'insert into audit_checkpoints (seq, at, body, signature) values ($1, $2, $3, $4) on conflict (seq) do nothing',
      [body.seq, body.at, checkpoint.body, checkpoint.signature],
    )
  }

  /** What a crash left half written would run into the next line. */
  async #dropTornLine(): Promise<void> {
    const text = await readFile(this.#file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    const whole = text.lastIndexOf('\n') + 1
    if (whole < text.length) await truncate(this.#file, whole)
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
