/**
 * The one appender of this node's chain. Entries that arrive while a write is under way go out together in the next one,
 * so that the cost of durability is shared; `append` answers when its entry is durable. A failed write fails the callers
 * and takes no place in the chain.
 */
import type { Environment } from '../context.ts'
import type { Db } from '../db.ts'
import { fault } from '../faults.ts'
import { entryBody, GENESIS, linkHash, payloadText, type Draft, type StoredEntry } from './entry.ts'

const BATCH = 500

interface Waiting {
  draft: Draft
  id: string
  resolve(id: string): void
  reject(error: unknown): void
}

const INSERT = `insert into audit_entries
  (id, chain, seq, partner_id, organization_id, at, kind, call_id, user_id, credential_id, channel, tool, tier, decision, outcome, body, payload, previous, hash)
  select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[], $8::uuid[], $9::uuid[],
    $10::text[], $11::text[], $12::text[], $13::smallint[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bytea[], $19::bytea[])`

export class AuditAppender {
  readonly chain: string
  readonly #db: Db
  readonly #environment: Environment
  #seq = 0
  #head: Buffer = GENESIS
  /** A write failed and may or may not have been stored: the database is asked before the next one. */
  #uncertain = false
  #queue: Waiting[] = []
  #writing: Promise<void> | null = null

  private constructor(db: Db, environment: Environment, chain: string) {
    this.#db = db
    this.#environment = environment
    this.chain = chain
  }

  /** Takes the chain up where the database says it ended. Whether that is the true end, verification tells. */
  static async open(db: Db, environment: Environment, chain: string): Promise<AuditAppender> {
    const appender = new AuditAppender(db, environment, chain)
    await appender.#readHead()
    return appender
  }

  /** Where the chain stands, of durable entries only. */
  get head(): { seq: number; hash: Buffer } {
    return { seq: this.#seq, hash: this.#head }
  }

  append(draft: Draft): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ draft, id: this.#environment.newId(), resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async #write(): Promise<void> {
    // Lets the calls that end in this turn of the event loop share the first write.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH)
      try {
        if (this.#uncertain) await this.#readHead()
        const entries = this.#link(batch)
        await this.#store(batch, entries)
        fault('audit.flushed')
        const last = entries.at(-1)
        if (last) {
          this.#seq = last.seq
          this.#head = last.hash
        }
        for (const waiting of batch) waiting.resolve(waiting.id)
      } catch (error) {
        this.#uncertain = true
        for (const waiting of batch) waiting.reject(error)
      }
    }
    this.#writing = null
  }

  async #readHead(): Promise<void> {
    const text = 'select seq, hash from audit_entries where chain = $1 order by seq desc limit 1'
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{ seq: number; hash: Buffer }>('audit_head', text, [this.chain]),
    )
    this.#seq = rows[0]?.seq ?? 0
    this.#head = rows[0]?.hash ?? GENESIS
    this.#uncertain = false
  }

  #link(batch: readonly Waiting[]): StoredEntry[] {
    let seq = this.#seq
    let previous = this.#head
    return batch.map(({ draft, id }) => {
      seq += 1
      const payload = payloadText(draft)
      const body = entryBody(draft, { id, chain: this.chain, seq }, payload)
      const entry = { id, chain: this.chain, seq, body, payload, previous, hash: linkHash(previous, body) }
      previous = entry.hash
      return entry
    })
  }

  async #store(batch: readonly Waiting[], entries: readonly StoredEntry[]): Promise<void> {
    const column = <T>(pick: (entry: StoredEntry, draft: Draft) => T): T[] =>
      entries.flatMap((entry, index) => {
        const waiting = batch[index]
        return waiting ? [pick(entry, waiting.draft)] : []
      })
    const stored = await this.#db.workerStatement('audit_append', INSERT, [
      column((entry) => entry.id),
      column((entry) => entry.chain),
      column((entry) => entry.seq),
      column((_, draft) => draft.partnerId),
      column((_, draft) => draft.organizationId),
      column((_, draft) => draft.at),
      column((_, draft) => draft.kind),
      column((_, draft) => draft.callId),
      column((_, draft) => draft.actor?.userId ?? null),
      column((_, draft) => draft.credential?.id ?? null),
      column((_, draft) => draft.channel),
      column((_, draft) => draft.tool),
      column((_, draft) => draft.tier),
      column((_, draft) => draft.decision),
      column((_, draft) => draft.outcome),
      column((entry) => entry.body),
      column((entry) => entry.payload),
      column((entry) => entry.previous),
      column((entry) => entry.hash),
    ])
    // A trigger or rule in the way drops rows without an error; an answer must not name an entry that is not there.
    if (stored !== batch.length) throw new Error(`the database stored ${stored} of ${batch.length} audit entries`)
  }
}
