/** The other end of an invitation: whoever holds its link becomes the person it was written for, once. */
import { z } from 'zod'
import type { Caller } from '../kernel/caller.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db, Tx } from '../kernel/db.ts'
import { KernelError } from '../kernel/errors.ts'
import type { Identity } from './authenticate.ts'
import { nameField } from './fields.ts'
import { hashPassword } from './password-rules.ts'
import { linkAccount } from './provider-accounts.ts'
import type { Claims } from './providers.ts'
import { loadRoles, requireAtLeast, type Assignment } from './services/roles.ts'
import { insertUser, replaceAssignments } from './services/users.ts'
import type { KnownUser } from './sign-in.ts'
import { hashToken } from './tokens.ts'

export interface OpenInvitation {
  id: string
  email: string
  name: string | null
  organization: string | null
  roles: string
  expiresAt: Date
}

export interface InvitationsParts {
  db: Db
  pepper: Buffer
  environment: Environment
  /** What somebody may do now; null when they may not even sign in. */
  identityOf(userId: string): Promise<Identity | null>
}

interface Row {
  id: string
  partner_id: string
  organization_id: string | null
  organization: string | null
  email: string
  name: string | null
  roles: unknown
  roles_text: string
  invited_by: string
  expires_at: Date
}

const storedRoles = z.array(
  z.object({ role: z.string(), organization: z.string().nullable(), sites: z.array(z.string()).nullable() }),
)

/** Rolls the joining back: the account there is another person's here. */
class AlreadyLinked extends Error {}

export class Invitations {
  readonly #parts: InvitationsParts

  constructor(parts: InvitationsParts) {
    this.#parts = parts
  }

  async look(token: string): Promise<OpenInvitation | null> {
    const row = await this.#find(token)
    if (!row || !(await this.#stillStands(row))) return null
    const { id, email, name, organization, roles_text: roles, expires_at: expiresAt } = row
    return { id, email, name, organization, roles, expiresAt }
  }

  /** Null for a link that opens nothing; `email_taken` when its address became somebody's since. */
  async accept(token: string, given: { name: string; password: string }): Promise<KnownUser | 'email_taken' | null> {
    const row = await this.#find(token)
    const assignments = row && (await this.#stillStands(row))
    if (!row || !assignments) return null
    const passwordHash = await hashPassword(given.password)
    return this.#attempt(async (tx) => {
      const user = await this.#join(tx, row, assignments, given.name)
      if (!user) return null
      await tx.prepared('invitation_password', 'update users set password_hash = $2 where id = $1', [
        user.id,
        passwordHash,
      ])
      return user
    })
  }

  /** Without a password: the person signs in with the account at another issuer that came back. */
  async acceptWith(token: string, claims: Claims): Promise<KnownUser | 'email_taken' | 'already_linked' | null> {
    const row = await this.#find(token)
    const assignments = row && (await this.#stillStands(row))
    if (!row || !assignments) return null
    const name = row.name ?? nameField.safeParse(claims.name).data ?? row.email
    const { environment } = this.#parts
    const joined = await this.#attempt(async (tx) => {
      const user = await this.#join(tx, row, assignments, name)
      if (user && !(await linkAccount(tx, environment, user, claims))) throw new AlreadyLinked()
      return user
    }).catch((error: unknown) => {
      if (error instanceof AlreadyLinked) return 'already_linked' as const
      throw error
    })
    return joined
  }

  async #attempt(work: (tx: Tx) => Promise<KnownUser | null>): Promise<KnownUser | 'email_taken' | null> {
    try {
      return await this.#parts.db.worker(work)
    } catch (error) {
      // Thrown, so that the invitation is not used up by it.
      if (error instanceof KernelError && error.code === 'conflict') return 'email_taken'
      throw error
    }
  }

  async #join(tx: Tx, row: Row, assignments: Assignment[], name: string): Promise<KnownUser | null> {
    const { newId, now } = this.#parts.environment
    const taken = await tx.prepared(
      'invitation_take',
      `update invitations set accepted_at = $2
       where id = $1 and accepted_at is null and revoked_at is null and expires_at > $2 returning id`,
      [row.id, now()],
    )
    if (taken.length === 0) return null
    const user = {
      id: newId(),
      partnerId: row.partner_id,
      organizationId: row.organization_id,
      name,
      email: row.email,
    }
    await insertUser(tx, row.partner_id, { ...user, kind: 'person', ownerId: null })
    await replaceAssignments(tx, user, assignments, newId)
    return user
  }

  async #find(token: string): Promise<Row | undefined> {
    const { db, pepper, environment } = this.#parts
    const [row] = await db.worker((tx) =>
      tx.prepared<Row>(
        'invitation_find',
        `select i.id, i.partner_id, i.organization_id, o.name as organization, i.email, i.name, i.roles, i.roles_text,
           i.invited_by, i.expires_at
         from invitations i left join organizations o on o.id = i.organization_id
         where i.hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > $2
           and o.suspended_at is null`,
        [hashToken(token, pepper), environment.now()],
      ),
    )
    return row
  }

  /** Nobody gets by an invitation what its writer could not give today. */
  async #stillStands(row: Row): Promise<Assignment[] | null> {
    const identity = await this.#parts.identityOf(row.invited_by)
    if (!identity) return null
    const roles = await this.#parts.db.worker(loadRoles)
    const assignments = storedRoles.parse(row.roles).flatMap(({ role: id, organization, sites }) => {
      const role = roles.find((one) => one.id === id)
      return role ? [{ role, organizationId: organization, siteIds: sites }] : []
    })
    const inviter: Caller = { ...identity, channel: 'console', client: null }
    try {
      requireAtLeast(inviter, assignments)
    } catch (error) {
      if (error instanceof KernelError) return null
      throw error
    }
    return assignments.length > 0 ? assignments : null
  }
}
