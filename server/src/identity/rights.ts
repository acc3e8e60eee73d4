/** Turns the answer of a credential look-up into the caller's rights as they are now. */
import type { Permission } from '@breeze/contract/governance'
import type { Caller, Credential, Elevation, OrganizationAccess } from '../kernel/caller.ts'
import { isDelegated } from '../kernel/caller.ts'
import type { Identity } from './authenticate.ts'

/** What `auth_rights` answers; its author is the migration beside this file. */
export interface Rights {
  user: { id: string; name: string; kind: 'person' | 'service' }
  partner: string
  /** Neither the user nor the credential is kept to some organizations. */
  partner_wide: boolean
  /** Which role where; `organization` null: at the partner's level, `sites` null: at every site. */
  held: { role: string; organization: string | null; sites: string[] | null }[]
  /** Those that are held, by id. */
  roles: Record<string, { permissions: Permission[]; admin: boolean; level: 'partner' | 'organization' }>
  /** The reason, while this credential or everything is stopped. */
  stopped: string | null
  /** Not ended yet, whatever the time. */
  elevations: { id: string; scope: string; organization: string; ends_at: string }[]
  /** Those within reach, whether a role is held there or not. */
  organizations: {
    id: string
    name: string
    internal: boolean
    stopped: boolean
    assistants: boolean
    approval_limit: number
  }[]
}

export interface CredentialFacts {
  /** Elevations that end later are in force. */
  now: Date
  credential: Credential
  scopes: ReadonlySet<string> | 'all'
  expiresAt: Date | null
  lastUsedAt: string | null
  ip: string | null
}

export function identityFrom(rights: Rights, facts: CredentialFacts): Identity {
  const permissions = new Map(Object.entries(rights.roles).map(([id, role]) => [id, new Set(role.permissions)]))
  return {
    user: rights.user,
    partnerId: rights.partner,
    credential: facts.credential,
    ip: facts.ip,
    scopes: facts.scopes,
    admin: rights.held.some(({ role }) => rights.roles[role]?.admin === true),
    partner: rights.partner_wide ? partnerAccess(rights) : null,
    elevations: isDelegated(facts.credential) ? elevationsAt(rights, facts.now) : [],
    actingBy: [],
    organizations: organizationsOf(rights, permissions, isDelegated(facts.credential)),
    stopped: rights.stopped,
    expiresAt: facts.expiresAt,
    lastUsedAt: facts.lastUsedAt,
  }
}

const elevationsAt = ({ elevations }: Rights, now: Date): Elevation[] =>
  elevations
    .map(({ id, scope, organization, ends_at }) => ({
      id,
      scope,
      organizationId: organization,
      endsAt: new Date(ends_at),
    }))
    .filter(({ endsAt }) => endsAt > now)

function partnerAccess({ held, roles }: Rights): Caller['partner'] {
  const atPartner = held.flatMap(({ role, organization }) => {
    const known = organization === null ? roles[role] : undefined
    return known?.level === 'partner' ? [known.permissions] : []
  })
  return atPartner.length > 0 ? { permissions: new Set(atPartner.flat()) } : null
}

const NONE: ReadonlySet<Permission> = new Set()
/** The one role whose holders see the partner's internal organization. */
const SEES_INTERNAL = 'partner_admin'

/** A user may hold several roles in one organization; each keeps its own sites. */
function organizationsOf(
  { held, roles, organizations }: Rights,
  permissions: ReadonlyMap<string, ReadonlySet<Permission>>,
  assistant: boolean,
): Map<string, OrganizationAccess> {
  const everywhere = held.filter(({ organization }) => organization === null)
  const there = Map.groupBy(held, ({ organization }) => organization)
  const reached = new Map<string, OrganizationAccess>()
  for (const { id, name, internal, stopped, assistants, approval_limit: approvalLimit } of organizations) {
    // "Assistants off" takes an organization out of the reach of every key and grant.
    if (assistant && !assistants) continue
    const wide = internal ? everywhere.filter(({ role }) => role === SEES_INTERNAL) : everywhere
    const grants = [...wide, ...(there.get(id) ?? [])].map(({ role, sites }) => ({
      permissions: permissions.get(role) ?? NONE,
      sites: sites ?? ('all' as const),
      admin: roles[role]?.admin === true,
    }))
    if (grants.length > 0) reached.set(id, { id, name, grants, stopped, approvalLimit })
  }
  return reached
}
