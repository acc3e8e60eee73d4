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
  partner_permissions: Permission[] | null
  stopped: string | null
  organizations: {
    id: string
    name: string
    permissions: Permission[]
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
  return {
    user: rights.user,
    partnerId: rights.partner,
    credential: facts.credential,
    ip: facts.ip,
    scopes: facts.scopes,
    admin: rights.admin,
    partner: rights.partner_permissions ? { permissions: new Set(rights.partner_permissions) } : null,
    // "Assistants off" takes an organization out of the reach of every key and grant.
    organizations: mergeAssignments(rights.organizations.filter((item) => item.assistants || !assistant)),
    stopped: facts.stopped ?? rights.stopped,
    expiresAt: facts.expiresAt,
    lastUsedAt: facts.lastUsedAt,
  }
}

/** A user may hold several roles in one organization; each keeps its own sites. */
function mergeAssignments(assigned: Rights['organizations']): Map<string, OrganizationAccess> {
  const merged = new Map<string, OrganizationAccess>()
  for (const item of assigned) {
    const grant = { permissions: new Set(item.permissions), sites: item.sites ?? ('all' as const) }
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
