/** Sessions of people at the console: opened by proofs, found by the authenticator, ended by one write. */
import { sql } from 'kysely'
import type { Environment } from '../kernel/context.ts'
import { type Db, query } from '../kernel/db.ts'
import type { KnownUser } from './sign-in.ts'
import type { SignInMethod } from './tables.ts'
import { hashToken, makeToken, SESSION_PREFIX } from './tokens.ts'

/** However much it is used. */
const LONGEST_MS = 7 * 24 * 3_600_000
/** Without a sign of life; `auth_session` says the same. */
const IDLE_MS = 12 * 3_600_000
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
  user: KnownUser
  methods: SignInMethod[]
}

export interface ListedSession {
  id: string
  createdAt: Date
  lastUsedAt: Date
  ip: string | null
  userAgent: string | null
}

/** More than anybody has browsers. */
const MOST_LISTED = 100

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
          previous_session_at: lastOf(user.id, now),
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
  async pending(token: string | null): Promise<PendingSession | null> {
    if (token === null || !token.startsWith(SESSION_PREFIX)) return null
    const { db, pepper, environment } = this.#parts
    const [row] = await db.worker((tx) =>
      tx.prepared<{
        id: string
        methods: SignInMethod[]
        user_id: string
        partner_id: string
        organization_id: string | null
        name: string
        email: string
      }>(
        'pending_session',
        `select s.id, s.methods, u.id as user_id, u.partner_id, u.organization_id, u.name, u.email
         from sessions s join users u on u.id = s.user_id left join organizations o on o.id = u.organization_id
         where s.hash = $1 and s.stage = 'second_factor' and s.revoked_at is null and s.expires_at > $2
           and u.disabled_at is null and o.suspended_at is null`,
        [hashToken(token, pepper), environment.now()],
      ),
    )
    if (!row) return null
    const { user_id: id, partner_id: partnerId, organization_id: organizationId, name, email } = row
    return { id: row.id, user: { id, partnerId, organizationId, name, email }, methods: row.methods }
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

  /** Those that open something now, the last used first. */
  async ofUser(userId: string): Promise<ListedSession[]> {
    const now = this.#parts.environment.now()
    const rows = await this.#parts.db.worker((tx) =>
      tx.all(
        query
          .selectFrom('sessions')
          .select(['id', 'created_at', 'last_used_at', 'ip', 'user_agent'])
          .where('user_id', '=', userId)
          .where('stage', '=', 'open')
          .where('revoked_at', 'is', null)
          .where('expires_at', '>', now)
          .where('last_used_at', '>', new Date(now.getTime() - IDLE_MS))
          .orderBy('last_used_at', 'desc')
          .limit(MOST_LISTED),
      ),
    )
    return rows.map((row) => ({
      id: row.id,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
      ip: row.ip,
      userAgent: row.user_agent,
    }))
  }

  /** One of the user's own. False when there is none of this id. */
  async endOf(userId: string, id: string): Promise<boolean> {
    const ended = await this.#parts.db.workerStatement(
      'session_end_own',
      'update sessions set revoked_at = $3 where id::text = $2 and user_id = $1 and revoked_at is null',
      [userId, id, this.#parts.environment.now()],
    )
    if (ended === 1) this.#parts.revoked(id)
    return ended === 1
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

/** Who signs in again goes on with their session of a moment ago, or comes back from the one that ended before. */
const lastOf = (userId: string, now: Date) => sql<Date | null>`(
  select session_before(last_used_at, previous_session_at, ${now}) from sessions
  where user_id = ${userId} and stage = 'open' order by last_used_at desc limit 1)`
