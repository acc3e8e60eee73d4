/** Which devices a stored setting (an alert rule, a maintenance window) is about: data, matched in memory. */
import { z } from 'zod'
import { tagField } from './tags.ts'
import { DEVICE_ROLES, type DeviceRole, type Platform } from './tables.ts'

const ids = z.array(z.uuid()).min(1).max(500)

/** All that is given must hold; of each list, one. Nothing given: every device. */
export const deviceScope = z
  .object({
    organizations: ids.optional(),
    sites: ids.optional(),
    devices: ids.optional(),
    groups: ids.optional(),
    roles: z.array(z.enum(DEVICE_ROLES)).min(1).max(DEVICE_ROLES.length).optional(),
    platforms: z
      .array(z.enum(['linux', 'windows', 'macos']))
      .min(1)
      .max(3)
      .optional(),
    tags: z.array(tagField).min(1).max(50).optional(),
  })
  .strict()
export type DeviceScope = z.infer<typeof deviceScope>

/** What a scope can ask of a device. */
export interface ScopedDevice {
  id: string
  organizationId: string
  siteId: string
  role: DeviceRole
  platform: Platform
  tags: readonly string[]
  groups: readonly string[]
}

export function inScope(scope: DeviceScope, device: ScopedDevice): boolean {
  return (
    has(scope.organizations, device.organizationId) &&
    has(scope.sites, device.siteId) &&
    has(scope.devices, device.id) &&
    has(scope.roles, device.role) &&
    has(scope.platforms, device.platform) &&
    hasOne(scope.tags, device.tags) &&
    hasOne(scope.groups, device.groups)
  )
}

/** Machines that others depend on: they are expected to be there at all times. */
export const SERVER_LIKE: readonly DeviceRole[] = DEVICE_ROLES.filter(
  (role) => role !== 'workstation' && role !== 'unknown',
)
export const isServerLike = (role: DeviceRole): boolean => SERVER_LIKE.includes(role)

const has = <T>(wanted: readonly T[] | undefined, value: T): boolean => wanted === undefined || wanted.includes(value)
const hasOne = (wanted: readonly string[] | undefined, values: readonly string[]): boolean =>
  wanted === undefined || wanted.some((item) => values.includes(item))
