/** From what somebody asks for ("Technician at Acme, only Main Office") to assignments they may give. */
import { z } from 'zod'
import {
  findOrganizations,
  findSite,
  organizationTarget,
  requirePartnerLevel,
  type OrganizationFacts,
} from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import { asList, oneOrMany, referenceField } from '../fields.ts'
import { loadRoles, pickRole, requireAtLeast, requireScopesFor, type Assignment } from './roles.ts'

export const roleRequestFields = {
  role: referenceField.describe('Id or name, such as "Technician" or partner_admin.'),
  organizations: oneOrMany(referenceField).optional().describe('Ids or names; none for a role at the partner.'),
  sites: oneOrMany(referenceField).optional().describe('Only these sites of the one organization named.'),
}
const request = z.object(roleRequestFields)
export type RoleRequest = z.output<typeof request>

export interface GrantedRoles {
  assignments: Assignment[]
  organizations: OrganizationFacts[]
}

/** Throws for a role above the caller's own, and for an organization or site that they do not reach. */
export async function resolveRoles(tx: Tx, caller: Caller, requests: readonly RoleRequest[]): Promise<GrantedRoles> {
  const roles = await loadRoles(tx)
  const assignments: Assignment[] = []
  const organizations = new Map<string, OrganizationFacts>()
  for (const wanted of requests) {
    const role = pickRole(roles, wanted.role)
    const named = await findOrganizations(tx, caller, 'users.write', asList(wanted.organizations) ?? [])
    for (const organization of named) organizations.set(organization.id, organization)
    if (role.level === 'partner') {
      if (named.length > 0)
        throw invalidInput(
          `${role.name} reaches every organization.`,
          'Leave organizations out, or choose a role of an organization.',
        )
      requirePartnerLevel(caller, 'users.write', `Giving the role ${role.name}`)
      assignments.push({ role, organizationId: null, siteIds: null })
      continue
    }
    if (named.length === 0)
      throw invalidInput(`${role.name} is held in organizations.`, 'Name one or more organizations.')
    const siteIds = await resolveSites(tx, caller, named, asList(wanted.sites))
    for (const organization of named) assignments.push({ role, organizationId: organization.id, siteIds })
  }
  requireAtLeast(caller, assignments)
  requireScopesFor(caller, assignments)
  return { assignments, organizations: [...organizations.values()] }
}

async function resolveSites(
  tx: Tx,
  caller: Caller,
  organizations: readonly OrganizationFacts[],
  references: readonly string[] | undefined,
): Promise<string[] | null> {
  if (!references) return null
  const [organization, another] = organizations
  if (!organization || another)
    throw invalidInput('Sites need exactly one organization.', 'Give one role per organization.')
  const found = new Set<string>()
  for (const reference of references)
    found.add((await findSite(tx, caller, 'users.write', reference, organization.id)).id)
  return [...found]
}

export const belongsToField = z
  .enum(['partner', 'organization'])
  .optional()
  .describe("Whose person: the partner's, or that of the one organization named, which is assumed when there is one.")

/** The organization whose own person somebody with these roles becomes; null for the partner's. */
export function homeOf(
  caller: Caller,
  granted: GrantedRoles,
  belongsTo: 'partner' | 'organization' | undefined,
): string | null {
  const [only, another] = granted.organizations
  const organizationId = only && !another && belongsTo !== 'partner' ? only.id : null
  if (belongsTo === 'organization' && organizationId === null) {
    throw invalidInput('belongs_to: name exactly one organization.')
  }
  if (organizationId === null) requirePartnerLevel(caller, 'users.write', "Adding to the partner's own people")
  return organizationId
}

/** What the audit and the confirmation see of it: the organizations in which somebody gets rights. */
export function roleTargets(caller: Caller, granted: GrantedRoles): Target[] {
  if (granted.organizations.length > 0) return granted.organizations.map(organizationTarget)
  requirePartnerLevel(caller, 'users.write', "Managing the partner's own people")
  return []
}

export function describeRoles(granted: GrantedRoles): string {
  const names = new Map(granted.organizations.map((organization) => [organization.id, organization.name]))
  return granted.assignments
    .map(({ role, organizationId, siteIds }) => {
      if (organizationId === null) return role.name
      const sites = siteIds ? ` (${siteIds.length} site${siteIds.length === 1 ? '' : 's'})` : ''
      return `${role.name} at ${names.get(organizationId) ?? 'an organization'}${sites}`
    })
    .join(', ')
}
