/** The filter of devices as callers write it and groups keep it: its fields, and what they mean. */
import { z } from 'zod'
import { asList, oneOrMany } from '../../identity/fields.ts'
import type { Tx } from '../../kernel/db.ts'
import { PATCH_STATES } from '../patches/tables.ts'
import { fieldMatches, fieldValue } from './custom-fields.ts'
import type { DeviceFilter } from './filter.ts'
import { tagField } from './tags.ts'
import { DEVICE_ROLES, DEVICE_STATUSES } from './tables.ts'

export const reference = z.string().min(1).max(255)
const MOST_VALUES = 200
export const several = <T extends z.ZodType>(item: T) => oneOrMany(item, MOST_VALUES)

const time = z.iso.datetime().optional()
const MOST_FIELDS = 10

export const savedFields = {
  organization: several(reference).optional().describe('Id or name.'),
  site: several(reference).optional().describe('Id or name.'),
  status: several(z.enum(DEVICE_STATUSES)).optional(),
  condition: several(z.string().max(60))
    .optional()
    .describe('Such as degraded, stale, missing, reboot_pending, quarantined.'),
  role: several(z.enum(DEVICE_ROLES)).optional(),
  os: z.string().max(100).optional().describe('Part of the operating system name.'),
  tag: several(tagField).optional(),
  field: z
    .record(z.string().min(1).max(200), fieldValue)
    .refine((fields) => Object.keys(fields).length <= MOST_FIELDS, `at most ${MOST_FIELDS} fields`)
    .optional()
    .describe('Custom fields by name.'),
  failing_check: several(z.string().max(100)).optional(),
  patch_state: several(z.enum(PATCH_STATES)).optional(),
  text: z.string().max(100).optional().describe('Part of the name, system, site or organization.'),
  last_seen_before: time.describe('UTC.'),
  last_seen_after: time,
  first_seen_after: time,
  simulated: z.boolean().optional(),
}
/** Its organizations and sites are ids. */
export const savedFilter = z.strictObject(savedFields)
export type SavedFilter = z.output<typeof savedFilter>

/** Whether or not the transaction sees the organizations and sites: ids of what it does not see match nothing. */
export function conditionsOf(input: SavedFilter, fields: DeviceFilter['fields']): DeviceFilter {
  return {
    organizationIds: asList(input.organization),
    siteIds: asList(input.site),
    statuses: asList(input.status),
    conditions: asList(input.condition),
    roles: asList(input.role),
    os: input.os,
    text: input.text,
    tags: asList(input.tag),
    fields,
    failingChecks: asList(input.failing_check),
    patchStates: asList(input.patch_state),
    lastSeenBefore: instant(input.last_seen_before),
    lastSeenAfter: instant(input.last_seen_after),
    firstSeenAfter: instant(input.first_seen_after),
    simulated: input.simulated,
  }
}

/** The form was checked when it was parsed. */
const instant = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text))

/** By which fields each custom field of the filter can be met; by none where there is no such field. */
export async function fieldsOfFilter(
  tx: Tx,
  field: SavedFilter['field'],
  matches: typeof fieldMatches = fieldMatches,
): Promise<DeviceFilter['fields']> {
  if (field === undefined) return undefined
  const found: Awaited<ReturnType<typeof fieldMatches>>[] = []
  for (const [name, value] of Object.entries(field)) found.push(await matches(tx, name, value))
  return found
}
