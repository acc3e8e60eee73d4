/** Which account at another issuer is whose: linked by the person, and found by issuer and subject only. */
import type { Environment } from '../kernel/context.ts'
import type { Db, Tx } from '../kernel/db.ts'
import type { Claims } from './providers.ts'
import type { KnownUser } from './sign-in.ts'

export interface LinkedAccount {
  id: string
  issuer: string
  label: string | null
  createdAt: Date
  lastUsedAt: Date | null
}

export class ProviderAccounts {
  readonly #db: Db
  readonly #environment: Environment

  constructor(parts: { db: Db; environment: Environment }) {
    this.#db = parts.db
    this.#environment = parts.environment
  }

  /** The person who may sign in with it; null for one that nobody linked, and for people who may not sign in. */
  async userOf({ issuer, subject }: Claims): Promise<KnownUser | null> {
    const [row] = await this.#db.worker((tx) =>
      tx.prepared<{
        id: string
        partner_id: string
        organization_id: string | null
        name: string
        email: string
      }>(
        'provider_user',
        `with used as (
           update provider_accounts set last_used_at = $3 where issuer = $1 and subject = $2 returning user_id
         )
         select u.id, u.partner_id, u.organization_id, u.name, u.email
         from used join users u on u.id = used.user_id left join organizations o on o.id = u.organization_id
         where u.disabled_at is null and o.suspended_at is null`,
        [issuer, subject, this.#environment.now()],
      ),
    )
    if (!row) return null
    const { id, partner_id: partnerId, organization_id: organizationId, name, email } = row
    return { id, partnerId, organizationId, name, email }
  }

  /** False when it is somebody's already. */
  link(user: KnownUser, claims: Claims): Promise<boolean> {
    return this.#db.worker((tx) => linkAccount(tx, this.#environment, user, claims))
  }

  async list(userId: string): Promise<LinkedAccount[]> {
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{
        id: string
        issuer: string
        label: string | null
        created_at: Date
        last_used_at: Date | null
      }>(
        'provider_accounts_of_user',
        'select id, issuer, label, created_at, last_used_at from provider_accounts where user_id = $1 order by created_at, id',
        [userId],
      ),
    )
    return rows.map((row) => ({
      id: row.id,
      issuer: row.issuer,
      label: row.label,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
    }))
  }

  async unlink(userId: string, id: string): Promise<boolean> {
    const removed = await this.#db.workerStatement(
      'provider_unlink',
      'delete from provider_accounts where user_id = $1 and id::text = $2',
      [userId, id],
    )
    return removed === 1
  }
}

export async function linkAccount(
  tx: Tx,
  environment: Environment,
  user: Pick<KnownUser, 'id' | 'partnerId' | 'organizationId'>,
  claims: Claims,
): Promise<boolean> {
  const rows = await tx.prepared(
    'provider_link',
    `insert into provider_accounts (id, user_id, partner_id, organization_id, issuer, subject, label, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (issuer, subject) do nothing returning id`,
    [
      environment.newId(),
      user.id,
      user.partnerId,
      user.organizationId,
      claims.issuer,
      claims.subject,
      claims.label,
      environment.now(),
    ],
  )
  return rows.length === 1
}
