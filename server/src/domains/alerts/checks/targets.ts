/** The devices that a rule's scope is about now, as far as the caller sees them. */
import { conflict } from '../../../kernel/errors.ts'
import type { Tx } from '../../../kernel/db.ts'
import { type DeviceTarget, platformsOf, targetsByFilter } from '../../devices/find.ts'
import { groupsCalled } from '../../devices/groups.ts'
import type { DeviceScope } from '../../devices/scope.ts'
import { MOST_DEVICES } from '../../devices/select.ts'
import type { Platform } from '../../devices/tables.ts'

export async function devicesInScope(
  tx: Tx,
  scope: DeviceScope,
  organizationId: string | null,
  os: readonly string[],
): Promise<DeviceTarget[]> {
  const { targets, more } = await targetsByFilter(
    tx,
    {
      ids: scope.devices,
      organizationIds: organizationId === null ? scope.organizations : [organizationId],
      siteIds: scope.sites,
      roles: scope.roles,
      tags: scope.tags,
      groups: scope.groups && (await groupsCalled(tx, scope.groups)),
      trusted: true,
    },
    MOST_DEVICES,
  )
  if (more)
    throw conflict(
      `More than ${MOST_DEVICES} devices are in its scope.`,
      'Make one rule for each organization or site.',
    )
  if (scope.platforms === undefined && os.length === 0) return targets
  const platforms = await platformsOf(
    tx,
    targets.map(({ id }) => id),
  )
  const fits = (platform: Platform | undefined): boolean =>
    platform !== undefined && has(scope.platforms, platform) && (os.length === 0 || os.includes(platform))
  return targets.filter(({ id }) => fits(platforms.get(id)))
}

const has = (wanted: readonly string[] | undefined, platform: string): boolean => wanted?.includes(platform) ?? true
