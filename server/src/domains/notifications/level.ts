/** Where a setting holds: in an organization, or at the partner for all of them. */
import type { Permission } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import type { Target } from '../../kernel/tool.ts'
import { findOrganization, requirePartnerLevel } from '../organizations/service.ts'
import type { Found } from './settings.ts'

/** Null: the partner's own. */
export async function levelOf(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  organization: string | undefined,
): Promise<{ id: string; name: string } | null> {
  if (organization !== undefined) return findOrganization(tx, caller, permission, organization)
  requirePartnerLevel(caller, permission, 'What holds for every organization')
  return null
}

export const settingTarget = ({ id, name, organizationId }: Found): Target => ({
  kind: 'setting',
  id,
  name,
  organizationId,
  siteId: null,
})

export const organizationOf = (caller: Caller, id: string | null): { id: string; name: string | null } | null =>
  id === null ? null : { id, name: caller.organizations.get(id)?.name ?? null }
