/** The first administrator makes the account their own: once, with the token that the first start printed. */
import type { Db } from '../kernel/db.ts'
import { hashPassword } from './password-rules.ts'
import type { KnownUser } from './sign-in.ts'
import { hashToken } from './tokens.ts'

export const SETUP_PREFIX = 'brzsetup_'

export interface FirstAdmin {
  name: string
  email: string
  password: string
}

export class Setup {
  readonly #db: Db
  readonly #pepper: Buffer
  readonly #adminId: string
  /** Once done it never comes back. */
  #done = false

  constructor(parts: { db: Db; pepper: Buffer; adminId: string }) {
    this.#db = parts.db
    this.#pepper = parts.pepper
    this.#adminId = parts.adminId
  }

  async needed(): Promise<boolean> {
    if (this.#done) return false
    const rows = await this.#db.worker((tx) =>
      tx.prepared('setup_needed', `select from installation where key = 'setup'`, []),
    )
    this.#done = rows.length === 0
    return !this.#done
  }

  /** Whoever has signed in is set up: the token opens nothing from then on. */
  async close(): Promise<void> {
    if (this.#done) return
    await this.#db.workerStatement('setup_close', `delete from installation where key = 'setup'`, [])
    this.#done = true
  }

  /** Null for a wrong token, and for every token once somebody has signed in. */
  async complete(token: string, { name, email, password }: FirstAdmin): Promise<KnownUser | 'email_taken' | null> {
    const presented = hashToken(token, this.#pepper).toString('base64')
    const known = await this.#db.worker((tx) =>
      tx.prepared('setup_known', `select from installation where key = 'setup' and value->>'hash' = $1`, [presented]),
    )
    if (known.length === 0) return null
    const passwordHash = await hashPassword(password)
    return this.#db.worker(async (tx) => {
      const others = await tx.prepared('setup_taken', 'select from users where lower(email) = lower($1) and id <> $2', [
        email,
        this.#adminId,
      ])
      if (others.length > 0) return 'email_taken'
      const taken = await tx.prepared(
        'setup_take',
        `delete from installation where key = 'setup' and value->>'hash' = $1 returning key`,
        [presented],
      )
      if (taken.length === 0) return null
      const [user] = await tx.prepared<{ partner_id: string; organization_id: string | null }>(
        'setup_user',
        'update users set name = $2, email = $3, password_hash = $4 where id = $1 returning partner_id, organization_id',
        [this.#adminId, name, email, passwordHash],
      )
      if (!user) throw new Error('the first administrator is gone')
      const { partner_id: partnerId, organization_id: organizationId } = user
      return { id: this.#adminId, partnerId, organizationId, name, email }
    })
  }
}
