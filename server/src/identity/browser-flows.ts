/**
 * What one browser has begun and must end itself: a passkey's challenge, a sign-in at another issuer. The browser holds a
 * random value for each in a cookie, the database what belongs to it, under the value's hash; whoever brings it takes it away.
 */
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { hashToken, makeToken } from './tokens.ts'

const PREFIX = 'brzf_'
const LIFETIME_MS = 10 * 60_000

export type FlowKind = 'passkey_sign_in' | 'passkey_register' | 'provider'

export class BrowserFlows {
  readonly #db: Db
  readonly #pepper: Buffer
  readonly #environment: Environment

  constructor(parts: { db: Db; pepper: Buffer; environment: Environment }) {
    this.#db = parts.db
    this.#pepper = parts.pepper
    this.#environment = parts.environment
  }

  async begin(kind: FlowKind, data: Readonly<Record<string, unknown>>): Promise<{ token: string; expiresAt: Date }> {
    const token = makeToken(PREFIX, this.#environment.randomBytes)
    const expiresAt = new Date(this.#environment.now().getTime() + LIFETIME_MS)
    await this.#db.workerStatement(
      'flow_begin',
      'insert into browser_flows (hash, kind, data, expires_at) values ($1, $2, $3, $4)',
      [hashToken(token, this.#pepper), kind, JSON.stringify(data), expiresAt],
    )
    return { token, expiresAt }
  }

  /**
   * Of those that the browser has begun, the one that this answer is for: its `field` says so. Whatever becomes of the
   * attempt, there is no second one.
   */
  async take(
    kind: FlowKind,
    tokens: readonly string[],
    field: 'challenge' | 'state',
    value: string | null,
  ): Promise<Record<string, unknown> | null> {
    if (tokens.length === 0 || value === null) return null
    const hashes = tokens.filter((token) => token.startsWith(PREFIX)).map((token) => hashToken(token, this.#pepper))
    const [row] = await this.#db.worker((tx) =>
      tx.prepared<{ data: Record<string, unknown>; live: boolean }>(
        'flow_take',
        `delete from browser_flows where hash = any ($1) and kind = $2 and data->>$3 = $4
         returning data, expires_at > $5 as live`,
        [hashes, kind, field, value, this.#environment.now()],
      ),
    )
    return row?.live ? row.data : null
  }

  async purge(): Promise<void> {
    await this.#db.workerStatement('flow_purge', 'delete from browser_flows where expires_at < $1', [
      this.#environment.now(),
    ])
  }
}
