/** Whose a rule, a group or another setting is: the partner's own, or one organization's. */
import type { Permission } from '@breeze/contract/governance'
import { type Caller, rowAccess } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import { findOrganization, organizationTarget, requirePartnerLevel } from './service.ts'

/** What counts for all of an organization's devices is for those who see all of them. Null: the partner's level. */
export async function settingLevel(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  organization: string | undefined,
  what: string,
): Promise<string | null> {
  if (organization === undefined) {
    requirePartnerLevel(caller, permission, what)
    return null
  }
  const { id } = await findOrganization(tx, caller, permission, organization)
  if (!rowAccess(caller, permission).whole.includes(id)) throw notFound('organization', organization)
  return id
}

/** The same of something that is there already. */
export function requireLevel(caller: Caller, permission: Permission, level: string | null, what: string): void {
  if (level === null) return requirePartnerLevel(caller, permission, what)
  if (!rowAccess(caller, permission).whole.includes(level)) throw notFound('organization', level)
}

export const levelTargets = (caller: Caller, level: string | null): Target[] =>
  level === null ? [] : [organizationTarget({ id: level, name: caller.organizations.get(level)?.name ?? level })]

export const levelShown = (caller: Caller, level: string | null): { id: string; name: string } | null =>
  level === null ? null : { id: level, name: caller.organizations.get(level)?.name ?? level }

export const settingTarget = (setting: { id: string; name: string; organizationId: string | null }): Target => ({
  kind: 'setting',
  id: setting.id,
  name: setting.name,
  organizationId: setting.organizationId,
  siteId: null,
})
