/** Links with which a person sets a new password: made by an administrator, or mailed to the person. */
import type { Environment } from '../kernel/context.ts'
import type { Db, Tx } from '../kernel/db.ts'
import type { Mail } from './mail.ts'
import { hashPassword } from './password-rules.ts'
import type { Credentials } from './services/credentials.ts'
import type { KnownUser } from './sign-in.ts'
import { hashToken } from './tokens.ts'

/** One that was mailed: mail lies around. */
const MAILED_MS = 3_600_000
const MOST_MAILS = 3

export interface ResetsParts {
  db: Db
  pepper: Buffer
  environment: Environment
  mail: Mail
  credentials: Credentials
  onError(error: unknown): void
}

interface Row {
  id: string
  clears_factors: boolean
  expires_at: Date
  user_id: string
  partner_id: string
  organization_id: string | null
  name: string
  email: string
}

export class Resets {
  readonly #parts: ResetsParts
  #sending: Promise<void> = Promise.resolve()

  constructor(parts: ResetsParts) {
    this.#parts = parts
  }

  /** Whose password the link sets; null for one that opens nothing. */
  async look(token: string): Promise<{ user: KnownUser; expiresAt: Date } | null> {
    const row = await this.#find(token)
    return row ? { user: userOf(row), expiresAt: row.expires_at } : null
  }

  /** Sets the password, once. What was signed in before is to be ended by the caller. */
  async use(token: string, password: string): Promise<KnownUser | null> {
    const row = await this.#find(token)
    if (!row) return null
    const passwordHash = await hashPassword(password)
    return this.#parts.db.worker(async (tx) => {
      const now = this.#parts.environment.now()
      const taken = await tx.prepared(
        'reset_take',
        'update password_resets set used_at = $2 where id = $1 and used_at is null and expires_at > $2 returning id',
        [row.id, now],
      )
      if (taken.length === 0) return null
      await tx.prepared(
        'reset_others',
        'update password_resets set used_at = $2 where user_id = $1 and used_at is null',
        [row.user_id, now],
      )
      await tx.prepared('reset_password', 'update users set password_hash = $2 where id = $1', [
        row.user_id,
        passwordHash,
      ])
      if (row.clears_factors) await clearFactors(tx, row.user_id)
      return userOf(row)
    })
  }

  /**
   * Answers at once, whoever the address is: looking, writing and mailing happen afterwards, so that neither the answer nor
   * its time tells whether there is such a person.
   */
  request(email: string): void {
    if (!this.#parts.mail.on) return
    this.#sending = Promise.all([this.#sending, this.#mail(email).catch(this.#parts.onError)]).then(() => undefined)
  }

  /** Resolves when what was asked for is mailed. */
  idle(): Promise<void> {
    return this.#sending
  }

  async #mail(email: string): Promise<void> {
    const { db, credentials, environment, mail } = this.#parts
    const link = credentials.makeLink('reset')
    const now = environment.now()
    const expiresAt = new Date(now.getTime() + MAILED_MS)
    // A person's box must not be filled by somebody else: three open ones are enough.
    const [row] = await db.worker((tx) =>
      tx.prepared<{ email: string }>(
        'reset_request',
        `with person as (
           select u.id, u.partner_id, u.organization_id, u.email from users u left join organizations o on o.id = u.organization_id
           where lower(u.email) = lower($1) and u.kind = 'person' and u.disabled_at is null and o.suspended_at is null
             and (select count(*) from password_resets r where r.user_id = u.id and r.used_at is null and r.expires_at > $4) < $6
         ), made as (
           insert into password_resets (id, partner_id, organization_id, user_id, clears_factors, hash, created_at, expires_at)
           select $2, partner_id, organization_id, id, false, $3, $4, $5 from person
         )
         select email from person`,
        [email.trim(), environment.newId(), link.hash, now, expiresAt, MOST_MAILS],
      ),
    )
    if (row) await mail.reset(row.email, link.url, expiresAt.toISOString())
  }

  async #find(token: string): Promise<Row | undefined> {
    const { db, pepper, environment } = this.#parts
    const [row] = await db.worker((tx) =>
      tx.prepared<Row>(
        'reset_find',
        `select r.id, r.clears_factors, r.expires_at, u.id as user_id, u.partner_id, u.organization_id, u.name, u.email
         from password_resets r join users u on u.id = r.user_id left join organizations o on o.id = u.organization_id
         where r.hash = $1 and r.used_at is null and r.expires_at > $2
           and u.kind = 'person' and u.disabled_at is null and o.suspended_at is null`,
        [hashToken(token, pepper), environment.now()],
      ),
    )
    return row
  }
}

async function clearFactors(tx: Tx, userId: string): Promise<void> {
  await tx.prepared('clear_totp', 'delete from totp_factors where user_id = $1', [userId])
  await tx.prepared('clear_passkeys', 'delete from passkeys where user_id = $1', [userId])
  await tx.prepared('clear_recovery', 'delete from recovery_codes where user_id = $1', [userId])
}

const userOf = (row: Row): KnownUser => ({
  id: row.user_id,
  partnerId: row.partner_id,
  organizationId: row.organization_id,
  name: row.name,
  email: row.email,
})
