/** Roles are rows of data; nobody gives one that exceeds what they hold themselves. */
import { LEVELS, type Level, type Permission, type Scope } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { forbidden, insufficientScope, invalidInput, KernelError } from '../../kernel/errors.ts'
import type { RolesTable } from '../tables.ts'

export type Role = RolesTable

/** A role as it is held: everywhere (the partner's level), in an organization, or at some of its sites. */
export interface Assignment {
  role: Role
  organizationId: string | null
  siteIds: string[] | null
}

export function loadRoles(tx: Tx): Promise<Role[]> {
  return tx.all(query.selectFrom('roles').select(['id', 'name', 'level', 'admin', 'permissions']).orderBy('id'))
}

const plain = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]+/g, '_')

/** By id or name, whatever the case: "Partner Admin", "partner_admin". */
export function pickRole(roles: readonly Role[], reference: string): Role {
  const found = roles.find((role) => plain(role.id) === plain(reference) || plain(role.name) === plain(reference))
  if (found) return found
  throw invalidInput(`There is no role "${reference}".`, `Roles are: ${roles.map((role) => role.name).join(', ')}.`)
}

/** What the caller may do in an organization as a whole, or at each of these sites. */
export function permissionsIn(
  caller: Caller,
  organizationId: string,
  siteIds: readonly string[] | null = null,
): Set<Permission> {
  const held = new Set<Permission>()
  for (const grant of caller.organizations.get(organizationId)?.grants ?? []) {
    const { sites } = grant
    const covers = sites === 'all' || (siteIds !== null && siteIds.every((id) => sites.includes(id)))
    if (covers) for (const permission of grant.permissions) held.add(permission)
  }
  return held
}

/** Throws unless the caller holds every permission of these assignments, where they hold. */
export function requireAtLeast(caller: Caller, assignments: readonly Assignment[]): void {
  for (const { role, organizationId, siteIds } of assignments) {
    const held =
      organizationId === null
        ? (caller.partner?.permissions ?? new Set())
        : permissionsIn(caller, organizationId, siteIds)
    if (role.permissions.every((permission) => held.has(permission))) continue
    throw forbidden(
      `The role ${role.name} includes more than you hold yourself there.`,
      'Ask somebody who holds at least that role.',
    )
  }
}

/** Whoever signs in with a role has no scopes to bound it: a key may only give what its own scopes open everywhere. */
export function requireScopesFor(caller: Caller, assignments: readonly Assignment[]): void {
  if (caller.scopes === 'all') return
  for (const { role } of assignments) {
    const level = highestLevel(role.permissions)
    const opening: Scope[] = LEVELS.slice(LEVELS.indexOf(level)).map((higher) => `ai:${higher}` as const)
    const { scopes } = caller
    if (opening.some((scope) => scopes.has(scope))) continue
    throw insufficientScope(`ai:${level}`, `The role ${role.name} can do more than this credential's scopes open.`)
  }
}

function highestLevel(permissions: readonly Permission[]): Level {
  return LEVELS.findLast((level) => permissions.some((permission) => permission.endsWith(`.${level}`))) ?? 'read'
}

export const OWN_RIGHTS_PATH = 'Ask another administrator to change your rights.'

/** Tier 4, whatever the tool: nobody changes their own rights. */
export function ownRights(): KernelError {
  return new KernelError({ code: 'blocked', reason: 'Nobody can change their own rights.', remedy: OWN_RIGHTS_PATH })
}
