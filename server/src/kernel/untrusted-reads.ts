/** When a key or grant last read text that a device wrote: what it is told by then may not be its person's wish any more. */
import { isDelegated, type Caller } from './caller.ts'
import type { Environment } from './context.ts'
import type { Db } from './db.ts'

/** A read that follows another within this time changes nothing: terms are counted in minutes. */
const AGAIN_MS = 10_000
const KEPT = 10_000

const NOTE = `insert into untrusted_reads (credential_id, partner_id, read_at) values ($1, $2, $3)
  on conflict (credential_id) do update set read_at = greatest(untrusted_reads.read_at, excluded.read_at)`
const LONGEST_MINUTES = 1440
const FORGET = `delete from untrusted_reads where read_at < $1`

export class UntrustedReads {
  readonly #parts: { db: Db; environment: Environment }
  readonly #noted = new Map<string, number>()

  constructor(parts: { db: Db; environment: Environment }) {
    this.#parts = parts
  }

  /** Resolves when it is written down. */
  async note({ credential, partnerId }: Caller): Promise<void> {
    if (!isDelegated(credential)) return
    const now = this.#parts.environment.now()
    const last = this.#noted.get(credential.id)
    if (last !== undefined && Math.abs(now.getTime() - last) < AGAIN_MS) return
    await this.#parts.db.workerStatement('untrusted_read', NOTE, [credential.id, partnerId, now])
    if (this.#noted.size >= KEPT) this.#noted.clear()
    this.#noted.set(credential.id, now.getTime())
  }

  async forget(): Promise<void> {
    const before = new Date(this.#parts.environment.now().getTime() - LONGEST_MINUTES * 60_000)
    await this.#parts.db.workerStatement('untrusted_forget', FORGET, [before])
  }
}
