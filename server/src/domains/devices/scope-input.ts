/** A scope as callers write it: places and devices by id or name. */
import { z } from 'zod'
import { asList, oneOrMany, referenceField } from '../../identity/fields.ts'
import { type Caller, rowAccess } from '../../kernel/caller.ts'
import type { Permission } from '@breeze/contract/governance'
import type { Tx } from '../../kernel/db.ts'
import { forbidden, invalidInput } from '../../kernel/errors.ts'
import { deviceScope, type DeviceScope } from './scope.ts'
import { deviceIds, resolveFilter } from './select.ts'

const references = oneOrMany(referenceField, 500)
const { shape } = deviceScope

export const scopeInput = z
  .strictObject({
    organizations: references,
    sites: references,
    devices: references,
    groups: shape.groups.unwrap(),
    roles: shape.roles.unwrap(),
    platforms: shape.platforms.unwrap(),
    tags: shape.tags.unwrap(),
  })
  .partial()
export type ScopeInput = z.output<typeof scopeInput>

/** `organizationId`: the setting is of this organization already. */
export async function readScope(
  tx: Tx,
  caller: Caller,
  { organizations, sites, devices, ...rest }: ScopeInput,
  organizationId: string | null,
): Promise<DeviceScope> {
  if (organizationId !== null && organizations !== undefined)
    throw invalidInput('scope.organizations: it is of one organization already.')
  const place = await resolveFilter(tx, caller, { organization: organizations, site: sites })
  const named = asList(devices)
  return deviceScope.parse({
    ...rest,
    ...(place.organizationIds && { organizations: place.organizationIds }),
    ...(place.siteIds && { sites: place.siteIds }),
    ...(named && { devices: await deviceIds(tx, named) }),
  })
}

/** Who sees only some sites of an organization decides about these sites, and says so. */
export function requireScopeWithin(
  caller: Caller,
  permission: Permission,
  organizationId: string | null,
  scope: DeviceScope,
): void {
  const access = rowAccess(caller, permission)
  if (organizationId === null || access.whole.includes(organizationId)) return
  if (scope.sites?.every((site) => access.sites.includes(site))) return
  throw forbidden(
    'You may set this for your own sites only.',
    'Name them in scope.sites, or ask somebody who has the whole organization.',
  )
}
