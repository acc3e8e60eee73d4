/** Sessions of people at the console: opened by proofs, found by the authenticator, ended by one write. */
import type { Environment } from '../kernel/context.ts'
import { type Db, query } from '../kernel/db.ts'
import type { SignInMethod } from './tables.ts'
import { hashToken, makeToken, SESSION_PREFIX } from './tokens.ts'

/** However much it is used. */
const LONGEST_MS = 7 * 24 * 3_600_000
/** Between the password and the second factor. */
const SECOND_FACTOR_MS = 10 * 60_000

export interface SessionsParts {
  db: Db
  pepper: Buffer
  environment: Environment
  /** The authenticator's: open streams of the session are cut. */
  revoked(sessionId: string): void
}

export interface NewSession {
  user: { id: string; partnerId: string; organizationId: string | null }
  methods: readonly SignInMethod[]
  stage: 'second_factor' | 'open'
  ip: string | null
  userAgent: string | null
}

export interface OpenedSession {
  id: string
  /** The cookie's value; stored nowhere. */
  token: string
  expiresAt: Date
}

export interface PendingSession {
  id: string
  userId: string
  methods: SignInMethod[]
}

export class Sessions {
  readonly #parts: SessionsParts

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** A new id and a new cookie for each proof: what a browser held before opens nothing more. */
  async open({ user, methods, stage, ip, userAgent }: NewSession): Promise<OpenedSession> {
    const { db, pepper, environment } = this.#parts
    const now = environment.now()
    const id = environment.newId()
    const token = makeToken(SESSION_PREFIX, environment.randomBytes)
    const expiresAt = new Date(now.getTime() + (stage === 'open' ? LONGEST_MS : SECOND_FACTOR_MS))
    await db.worker((tx) =>
      tx.run(
        query.insertInto('sessions').values({
          id,
          partner_id: user.partnerId,
          organization_id: user.organizationId,
          user_id: user.id,
          hash: hashToken(token, pepper),
          stage,
          methods: [...methods],
          created_at: now,
          last_used_at: now,
          proven_at: now,
          expires_at: expiresAt,
          ip,
          user_agent: userAgent?.slice(0, 300) ?? null,
        }),
      ),
    )
    return { id, token, expiresAt }
  }

  /** Who waits for the second factor behind this cookie. */
  async pending(token: string): Promise<PendingSession | null> {
    const { db, pepper, environment } = this.#parts
    const [row] = await db.worker((tx) =>
      tx.prepared<{ id: string; user_id: string; methods: SignInMethod[] }>(
        'pending_session',
        `select id, user_id, methods from sessions
         where hash = $1 and stage = 'second_factor' and revoked_at is null and expires_at > $2`,
        [hashToken(token, pepper), environment.now()],
      ),
    )
    return row ? { id: row.id, userId: row.user_id, methods: row.methods } : null
  }

  /** The person proved again who they are. */
  async prove(id: string): Promise<Date> {
    const now = this.#parts.environment.now()
    await this.#parts.db.worker((tx) =>
      tx.run(
        query.updateTable('sessions').set({ proven_at: now }).where('id', '=', id).where('revoked_at', 'is', null),
      ),
    )
    return now
  }

  async end(id: string): Promise<void> {
    await this.#parts.db.worker((tx) =>
      tx.run(
        query
          .updateTable('sessions')
          .set({ revoked_at: this.#parts.environment.now() })
          .where('id', '=', id)
          .where('revoked_at', 'is', null),
      ),
    )
    this.#parts.revoked(id)
  }

  /** All of a user's but one: after a new password or second factor, what somebody else may hold must not go on. */
  async endOthers(userId: string, except: string | null): Promise<void> {
    const rows = await this.#parts.db.worker((tx) => {
      let update = query
        .updateTable('sessions')
        .set({ revoked_at: this.#parts.environment.now() })
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .returning('id')
      if (except !== null) update = update.where('id', '<>', except)
      return tx.all(update)
    })
    for (const { id } of rows) this.#parts.revoked(id)
  }

  /** Rows that open nothing any more, some days after their end. */
  async purge(): Promise<void> {
    await this.#parts.db.workerStatement(
      'sessions_purge',
      `delete from sessions where expires_at < $1 or revoked_at < $1`,
      [new Date(this.#parts.environment.now().getTime() - LONGEST_MS)],
    )
  }
}
