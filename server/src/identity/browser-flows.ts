/**
 * What one browser has begun and must end itself: a passkey's challenge, a sign-in at another issuer. The browser holds a
 * random value in a cookie, the database what belongs to it, under the value's hash; whoever brings it takes it away.
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

  /** Whatever becomes of the attempt, there is no second one. */
  async take(kind: FlowKind, token: string | null): Promise<Record<string, unknown> | null> {
    if (token === null || !token.startsWith(PREFIX)) return null
    const [row] = await this.#db.worker((tx) =>
      tx.prepared<{ kind: string; data: Record<string, unknown>; live: boolean }>(
        'flow_take',
        'delete from browser_flows where hash = $1 returning kind, data, expires_at > $2 as live',
        [hashToken(token, this.#pepper), this.#environment.now()],
      ),
    )
    return row?.live && row.kind === kind ? row.data : null
  }

  async purge(): Promise<void> {
    await this.#db.workerStatement('flow_purge', 'delete from browser_flows where expires_at < $1', [
      this.#environment.now(),
    ])
  }
}
