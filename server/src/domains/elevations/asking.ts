/** What a credential may ask for: a scope that it lacks, that its user's role has a use for, at an organization it reaches. */
import {
  EXECUTE_ADMIN,
  levelOfTier,
  PERMISSIONS,
  tierOpened,
  type Area,
  type Permission,
  type Scope,
} from '@breeze/contract/governance'
import { opensScope, permissionsOver, roleUses, splitScope } from '../../identity/services/key-rights.ts'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import { conflict, forbidden } from '../../kernel/errors.ts'

/** Throws unless this credential can be helped by this scope at this organization. */
export function requireAskable(caller: Caller, organization: { id: string; name: string }, scope: Scope): void {
  if (!isDelegated(caller.credential) || caller.scopes === 'all')
    throw conflict('You act in person: only your role bounds you.', 'Just make the call.')
  const granted = caller.elevations.filter(({ organizationId }) => organizationId === organization.id)
  if (opensScope(new Set([...caller.scopes, ...granted.map((one) => one.scope)]), scope)) {
    const until = granted.find((one) => opensScope(new Set([one.scope]), scope))?.endsAt.toISOString()
    throw conflict(
      `This credential holds ${scope} at ${organization.name} already${until ? `, until ${until}` : ''}.`,
      'Just make the call.',
    )
  }
  const grants = caller.organizations.get(organization.id)?.grants ?? []
  const useful =
    scope === EXECUTE_ADMIN
      ? grants.some(({ admin }) => admin)
      : roleUses(permissionsOver(caller, [organization.id]), scope)
  if (!useful) {
    throw forbidden(
      `The role of ${caller.user.name} at ${organization.name} is below ${scope}, and an elevation adds to scopes only.`,
      'Ask an administrator for a role that includes it.',
    )
  }
}

const isPermission = (text: string): text is Permission => (PERMISSIONS as readonly string[]).includes(text)

/** What whoever grants it must hold at that organization, by a role there. */
export function granterNeeds(scope: Scope): { permission: Permission; adminOnly: boolean } {
  if (scope === EXECUTE_ADMIN) return { permission: 'devices.execute', adminOnly: true }
  const { area, level } = splitScope(scope)
  if (area === 'administration') return { permission: 'governance.write', adminOnly: true }
  return { permission: isPermission(scope) ? scope : `devices.${level}`, adminOnly: false }
}

/** In words, for who decides. */
export function whatItOpens(scope: Scope): string {
  if (scope === EXECUTE_ADMIN) return 'high-impact tools where this server asks for an administrator'
  const { area, level } = splitScope(scope)
  const where = area === 'ai' ? 'all core areas' : `the area ${area satisfies Area}`
  const tier = tierOpened(new Set([scope]), area === 'ai' ? 'devices' : area)
  const what =
    tier === 3 ? 'reading, writing and high-impact acts' : tier === 2 ? 'reading and low-risk writing' : 'reading'
  return `${what} (${tier === 0 ? level : levelOfTier(tier)}) in ${where}`
}
