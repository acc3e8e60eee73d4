/** Turns the answer of a credential look-up into the caller's rights as they are now. */
import type { Permission } from '@breeze/contract/governance'
import type { Credential, OrganizationAccess } from '../kernel/caller.ts'
import { isDelegated } from '../kernel/caller.ts'
import type { Identity } from './authenticate.ts'

/** What `auth_rights` answers; its author is the migration beside this file. */
export interface Rights {
  user: { id: string; name: string; kind: 'person' | 'service' }
  partner: string
  admin: boolean
  /** Permissions by role id. */
  roles: Record<string, Permission[]>
  /** Those of them that make an administrator. */
  admin_roles: string[]
  /** Roles held at the partner's level. */
  partner_roles: string[]
  stopped: string | null
  organizations: {
    id: string
    name: string
    role: string
    sites: string[] | null
    stopped: boolean
    assistants: boolean
    approval_limit: number
  }[]
}

export interface CredentialFacts {
  credential: Credential
  scopes: ReadonlySet<string> | 'all'
  stopped: string | null
  expiresAt: Date | null
  lastUsedAt: string | null
  ip: string | null
}

export function identityFrom(rights: Rights, facts: CredentialFacts): Identity {
  const assistant = isDelegated(facts.credential)
  const permissions = new Map(Object.entries(rights.roles).map(([role, list]) => [role, new Set(list)]))
  const atPartner = rights.partner_roles.flatMap((role) => rights.roles[role] ?? [])
  return {
    user: rights.user,
    partnerId: rights.partner,
    credential: facts.credential,
    ip: facts.ip,
    scopes: facts.scopes,
    admin: rights.admin,
    partner: rights.partner_roles.length > 0 ? { permissions: new Set(atPartner) } : null,
    // "Assistants off" takes an organization out of the reach of every key and grant.
    organizations: mergeAssignments(
      rights.organizations.filter((item) => item.assistants || !assistant),
      permissions,
      new Set(rights.admin_roles),
    ),
    stopped: facts.stopped ?? rights.stopped,
    expiresAt: facts.expiresAt,
    lastUsedAt: facts.lastUsedAt,
  }
}

const NONE: ReadonlySet<Permission> = new Set()

/** A user may hold several roles in one organization; each keeps its own sites. */
function mergeAssignments(
  assigned: Rights['organizations'],
  permissions: ReadonlyMap<string, ReadonlySet<Permission>>,
  adminRoles: ReadonlySet<string>,
): Map<string, OrganizationAccess> {
  const merged = new Map<string, OrganizationAccess>()
  for (const item of assigned) {
    const grant = {
      permissions: permissions.get(item.role) ?? NONE,
      sites: item.sites ?? ('all' as const),
      admin: adminRoles.has(item.role),
    }
    merged.set(item.id, {
      id: item.id,
      name: item.name,
      grants: [...(merged.get(item.id)?.grants ?? []), grant],
      stopped: item.stopped,
      approvalLimit: item.approval_limit,
    })
  }
  return merged
}
