/** CON-7: a key never exceeds who makes or edits it, in scopes, role, reach, time or addresses. */
import { isIP } from 'node:net'
import {
  ALL_SCOPES,
  EXECUTE_ADMIN,
  isScope,
  LEVELS,
  tierOfLevel,
  tierOpened,
  type Area,
  type Level,
  type Permission,
  type Scope,
} from '@breeze/contract/governance'
import { sql } from 'kysely'
import { z } from 'zod'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { forbidden, insufficientScope } from '../../kernel/errors.ts'
import { permissionsIn } from './roles.ts'

export const scopesField = z
  .array(
    z
      .string()
      .max(64)
      .refine(isScope, { error: `unknown scope; scopes are ${ALL_SCOPES.join(', ')}` }),
  )
  .min(1)
  .max(50)
  .transform((scopes): Scope[] => [...new Set(scopes)])

export const ipRangesField = z
  .array(z.string().max(64).refine(isRange, 'must be an address or a range such as 203.0.113.0/24'))
  .min(1)
  .max(100)

function isRange(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  // PostgreSQL has no addresses with a zone.
  if (family === 0 || address.includes('%') || more !== undefined) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** What a key may reach: everything its user does, or some organizations. */
export type KeyReach = 'partner' | readonly string[]

export function permissionsOver(caller: Caller, reach: KeyReach): Set<Permission> {
  if (reach === 'partner') return new Set(caller.partner?.permissions)
  const held = new Set<Permission>()
  for (const id of reach) {
    const sites =
      caller.organizations.get(id)?.grants.flatMap((grant) => (grant.sites === 'all' ? [] : grant.sites)) ?? []
    // Each grant keeps its own sites when the key is used; here it only counts that the right is held somewhere.
    const here = [permissionsIn(caller, id), ...sites.map((site) => permissionsIn(caller, id, [site]))]
    for (const permissions of here) for (const permission of permissions) held.add(permission)
  }
  return held
}

/** Throws for a scope that the caller's credential does not hold, or that their role can do nothing with. */
export function requireScopes(caller: Caller, scopes: readonly Scope[], permissions: ReadonlySet<Permission>): void {
  for (const scope of scopes) {
    if (caller.scopes !== 'all' && !opensScope(caller.scopes, scope)) {
      throw insufficientScope(scope, `This credential does not hold ${scope}, so it can't hand it on.`)
    }
    if (scope === EXECUTE_ADMIN ? !caller.admin : !roleUses(permissions, scope)) {
      throw forbidden(
        scope === EXECUTE_ADMIN
          ? `Only an administrator can grant ${EXECUTE_ADMIN}.`
          : `The scope ${scope} is above your role.`,
        'Leave this scope out, or ask somebody whose role includes it.',
      )
    }
  }
}

export function opensScope(held: ReadonlySet<string>, scope: Scope): boolean {
  if (scope === EXECUTE_ADMIN) return held.has(scope)
  const { area, level } = splitScope(scope)
  if (area !== 'ai') return tierOpened(held, area) >= tierOfLevel(level)
  return LEVELS.slice(LEVELS.indexOf(level)).some((higher) => held.has(`ai:${higher}`))
}

export function splitScope(scope: Exclude<Scope, typeof EXECUTE_ADMIN>): { area: Area | 'ai'; level: Level } {
  const [area, level] = scope.split(/[.:]/)
  // A scope is exactly an area and a level, by its type.
  return { area: area as Area | 'ai', level: level as Level }
}

const SETTINGS = /^(organizations|users|keys|enrollment|governance)\./

/** Whether a role with these permissions can do anything at that level of that area. */
export function roleUses(permissions: ReadonlySet<Permission>, scope: Exclude<Scope, typeof EXECUTE_ADMIN>): boolean {
  const { area, level } = splitScope(scope)
  const settings = area === 'administration'
  if (settings && level === 'execute') return permissions.has('users.write')
  const relevant = [...permissions].filter(
    (permission) => SETTINGS.test(permission) === settings && permission !== 'mcp.write',
  )
  const atLeast = LEVELS.slice(LEVELS.indexOf(level))
  return relevant.some((permission) => atLeast.some((higher) => permission.endsWith(`.${higher}`)))
}

/** The limits of the key that makes another one; null for who acts in person. */
export interface MakerLimits {
  expiresAt: Date | null
  ipAllowList: string[] | null
}

export async function makerLimits(tx: Tx, caller: Caller): Promise<MakerLimits | null> {
  if (!isDelegated(caller.credential)) return null
  const row = await tx.first(
    query.selectFrom('api_keys').select('ip_allow_list').where('id', '=', caller.credential.id),
  )
  if (!row) throw forbidden("This credential can't make keys.", 'Make the key in person, or with a key of yours.')
  return { expiresAt: caller.expiresAt, ipAllowList: row.ip_allow_list }
}

/** A key made by a key ends no later and works from no more addresses. */
export function boundExpiry(limits: MakerLimits | null, wanted: Date | null): Date | null {
  if (!limits?.expiresAt) return wanted
  if (wanted === null) return limits.expiresAt
  if (wanted <= limits.expiresAt) return wanted
  throw forbidden(
    `A key can't make one that outlives it (${limits.expiresAt.toISOString()}).`,
    'Choose an earlier expiry.',
  )
}

export async function boundRanges(
  tx: Tx,
  limits: MakerLimits | null,
  wanted: string[] | null,
): Promise<string[] | null> {
  if (!limits?.ipAllowList) return wanted
  if (wanted === null) return limits.ipAllowList
  const select = query.selectNoFrom(
    sql<boolean>`(select bool_and(exists (select from unnest(${limits.ipAllowList}::text[]) o where i::inet <<= o::inet)) from unnest(${wanted}::text[]) i)`.as(
      'within',
    ),
  )
  if ((await tx.first(select))?.within) return wanted
  throw forbidden("A key can't make one that works from more addresses.", "Choose addresses within the key's own list.")
}
