/** Grants: what a person let a program do. One row each; whatever a token is worth is read from it at every request. */
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { RevokedBecause } from './tables.ts'

export interface GrantFacts {
  id: string
  partnerId: string
  userId: string
  userName: string
  clientId: string
  clientName: string
  scopes: string[]
  expiresAt: Date
}

export interface WidestGrant {
  scopes: string[]
  organizationIds: string[] | null
  createdAt: Date
}

export interface NewGrant {
  partnerId: string
  /** Null: whatever the user reaches. */
  organizationIds: string[] | null
  /** The user's own, when the user belongs to one. */
  homeOrganizationId: string | null
  userId: string
  client: { id: string; name: string; host: string | null; firstParty: boolean }
  redirectHost: string
  scopes: readonly string[]
}

interface Row {
  id: string
  partner_id: string
  user_id: string
  user_name: string
  client_id: string
  client_name: string
  scopes: string[]
  expires_at: Date
}

const COLUMNS =
  'id, partner_id, user_id, (select coalesce(n.email, n.name) from users n where n.id = user_id) as user_name, client_id, client_name, scopes, expires_at'

const factsOf = (row: Row): GrantFacts => ({
  id: row.id,
  partnerId: row.partner_id,
  userId: row.user_id,
  userName: row.user_name,
  clientId: row.client_id,
  clientName: row.client_name,
  scopes: row.scopes,
  expiresAt: row.expires_at,
})

export interface GrantsParts {
  db: Db
  environment: Environment
  grantSeconds: number
  /** The authenticator's: open streams of the grant are cut. */
  revoked(grantId: string): void
}

export class Grants {
  readonly #parts: GrantsParts

  constructor(parts: GrantsParts) {
    this.#parts = parts
  }

  /** Always a new one, beside those that the same person gave the same program before: each device has its own. */
  async create(grant: NewGrant): Promise<string> {
    const { db, environment, grantSeconds } = this.#parts
    const now = environment.now()
    const id = environment.newId()
    const only = grant.organizationIds?.length === 1 ? (grant.organizationIds[0] ?? null) : null
    await db.oauth(
      'oauth_grant_create',
      `insert into oauth_grants (id, partner_id, organization_id, organization_ids, user_id, client_id, client_name, client_host,
         first_party, redirect_host, scopes, created_at, last_authorized_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)`,
      [
        id,
        grant.partnerId,
        only ?? grant.homeOrganizationId,
        grant.organizationIds,
        grant.userId,
        grant.client.id,
        grant.client.name,
        grant.client.host,
        grant.client.firstParty,
        grant.redirectHost,
        grant.scopes,
        now,
        new Date(now.getTime() + grantSeconds * 1000),
      ],
    )
    return id
  }

  /** Of those that live of this user and program, and hold nothing but `asked`: the one with the most, then the newest. */
  async widestOf(userId: string, clientId: string, asked: readonly string[]): Promise<WidestGrant | null> {
    const [row] = await this.#parts.db.oauth<WidestGrant>(
      'oauth_grant_widest',
      `select scopes, organization_ids as "organizationIds", created_at as "createdAt" from oauth_grants
       where user_id = $1 and client_id = $2 and revoked_at is null and expires_at > $3 and scopes <@ $4
       order by cardinality(scopes) desc, created_at desc limit 1`,
      [userId, clientId, this.#parts.environment.now(), asked],
    )
    return row ?? null
  }

  /** Null for one that is revoked, has ended, or whose user or program may no longer. */
  async alive(id: string): Promise<GrantFacts | null> {
    const [row] = await this.#parts.db.oauth<Row>(
      'oauth_grant_alive',
      `select ${COLUMNS} from oauth_grants g where id = $1 and revoked_at is null and expires_at > $2
         and not exists (select from oauth_clients c where c.id = g.client_id and c.blocked_at is not null)
         and exists (select from users u left join organizations o on o.id = u.organization_id
           where u.id = g.user_id and u.disabled_at is null and o.suspended_at is null)`,
      [id, this.#parts.environment.now()],
    )
    return row ? factsOf(row) : null
  }

  /** One durable write; the next request with any of its tokens fails on every node. Null when it had ended before. */
  async revoke(id: string, reason: RevokedBecause, by: string | null): Promise<GrantFacts | null> {
    const { db, environment } = this.#parts
    const [row] = await db.oauth<Row>(
      'oauth_grant_revoke',
      `with gone as (delete from oauth_store where grant_id = $1)
       update oauth_grants set revoked_at = $2, revoked_reason = $3, revoked_by = $4
       where id = $1 and revoked_at is null returning ${COLUMNS}`,
      [id, environment.now(), reason, by],
    )
    this.#parts.revoked(id)
    return row ? factsOf(row) : null
  }
}
