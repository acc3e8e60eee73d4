/**
 * How calls name devices: by id or name, or by the filter of `list_devices`. Shared by every tool that acts on devices.
 */
import { asList } from '../../identity/fields.ts'
import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { ambiguous, invalidInput, notFound } from '../../kernel/errors.ts'
import { query } from '../../kernel/db.ts'
import type { Target } from '../../kernel/tool.ts'
import { requireCheck } from '../compliance/lookup.ts'
import { isUuid } from '../../kernel/uuid.ts'
import { blocked, blockedBy } from './conditions.ts'
import { findDevice, targetsByFilter, type DeviceTarget } from './find.ts'
import type { DeviceFilter } from './filter.ts'
import { requiredMatches } from './custom-fields.ts'
import { groupsCalled } from './groups.ts'
import { conditionsOf, fieldsOfFilter, reference, type SavedFilter, savedFields, several } from './saved-filter.ts'

/** Devices that one call may touch. */
export const MOST_DEVICES = 5000

export const filterFields = { ...savedFields, group: several(reference).optional().describe('Id or name.') }
export const deviceFilter = z.strictObject(filterFields)
export type FilterInput = z.output<typeof deviceFilter>

export const selectionFields = {
  devices: several(reference).optional().describe('Ids or names.'),
  filter: deviceFilter.optional().describe('Instead of devices, as in list_devices:'),
}
export type Selection = { devices?: string | string[] | undefined; filter?: FilterInput | undefined }

/** Names become ids; what the caller can't see is not found. */
export async function resolveFilter(tx: Tx, caller: Caller, input: FilterInput): Promise<DeviceFilter> {
  // One that does not exist would be failed by nobody, which reads like good news.
  for (const check of asList(input.failing_check) ?? []) requireCheck(check)
  const fields = await fieldsOfFilter(tx, input.field, requiredMatches)
  const filter = conditionsOf(await withIds(tx, caller, input), fields)
  return input.group === undefined ? filter : { ...filter, groups: await groupsCalled(tx, asList(input.group) ?? []) }
}

/** With ids in the place of the names of organizations and sites. */
export async function withIds(tx: Tx, caller: Caller, input: SavedFilter): Promise<SavedFilter> {
  const organizations = asList(input.organization)?.map((item) => organizationId(caller, item))
  const sites = input.site === undefined ? undefined : await siteIds(tx, asList(input.site) ?? [], organizations)
  return { ...input, organization: organizations, site: sites }
}

/** Devices for commands: a filter passes over those that get none, and naming one of them is refused. */
export async function selectTargets(tx: Tx, caller: Caller, selection: Selection): Promise<DeviceTarget[]> {
  const targets = await select(tx, caller, selection, { trusted: true })
  const refused = targets.filter((target) => blockedBy(target.conditions) !== undefined)
  if (refused.length > 0) throw blocked(refused)
  return targets
}

/** Devices for what is done with them here, whatever their condition. */
export function selectDevices(
  tx: Tx,
  caller: Caller,
  selection: Selection,
  narrower: Pick<DeviceFilter, 'having'> = {},
): Promise<DeviceTarget[]> {
  return select(tx, caller, selection, narrower)
}

async function select(tx: Tx, caller: Caller, selection: Selection, narrower: DeviceFilter): Promise<DeviceTarget[]> {
  const named = asList(selection.devices)
  if ((named === undefined) === (selection.filter === undefined)) {
    throw invalidInput(
      'Give either devices or filter.',
      'Name the devices, or give a filter such as {"organization": "Contoso"}.',
    )
  }
  const filter = named
    ? { ids: await deviceIds(tx, named) }
    : { ...(await resolveFilter(tx, caller, selection.filter ?? {})), ...narrower }
  const { targets, more } = await targetsByFilter(tx, filter, MOST_DEVICES)
  if (more)
    throw invalidInput(
      `More than ${MOST_DEVICES} devices match.`,
      'Narrow the filter, for example to one organization.',
    )
  if (targets.length === 0) throw notFound('device', 'matching the filter')
  return targets
}

/** For what does not wait until a device connects. */
export const withoutCaveats = (targets: readonly DeviceTarget[]): Target[] =>
  targets.map(({ caveat: _caveat, ...target }) => target)

/** Where a device's command belongs. */
export function placeOf(target: Target): { id: string; organizationId: string; siteId: string } {
  if (target.organizationId === null || target.siteId === null)
    throw new Error('a device has an organization and a site')
  return { id: target.id, organizationId: target.organizationId, siteId: target.siteId }
}

/** One device by id or name; a name that several bear answers with the candidates. */
export async function deviceId(tx: Tx, wanted: string): Promise<string> {
  const found = await findDevice(tx, wanted)
  if (found.match === 'none') throw notFound('device', wanted)
  if (found.match === 'one') return found.device.id
  throw ambiguous(
    'device',
    wanted,
    found.candidates.map((device) => ({
      id: device.id,
      name: device.name,
      detail: `${device.organizationName}, ${device.siteName}, ${device.status}`,
    })),
  )
}

export async function deviceIds(tx: Tx, wanted: readonly string[]): Promise<string[]> {
  const ids = wanted.filter((item) => isUuid(item)).map((item) => item.toLowerCase())
  if (ids.length > 0) {
    const rows = await tx.all(
      query.selectFrom('devices').select('id').where('id', 'in', ids).where('removed_at', 'is', null),
    )
    const seen = new Set(rows.map((row) => row.id))
    const missing = ids.find((id) => !seen.has(id))
    if (missing) throw notFound('device', missing)
  }
  const all = new Set(ids)
  for (const name of wanted) if (!isUuid(name)) all.add(await deviceId(tx, name))
  return [...all]
}

function organizationId(caller: Caller, wanted: string): string {
  const matches = [...caller.organizations.values()].filter(
    (item) => item.id === wanted.toLowerCase() || item.name.toLowerCase() === wanted.toLowerCase(),
  )
  const [match] = matches
  if (!match) throw notFound('organization', wanted)
  if (matches.length > 1)
    throw ambiguous(
      'organization',
      wanted,
      matches.map(({ id, name }) => ({ id, name })),
    )
  return match.id
}

async function siteIds(
  tx: Tx,
  wanted: readonly string[],
  organizations: readonly string[] | undefined,
): Promise<string[]> {
  const ids: string[] = []
  for (const item of wanted) {
    const rows = await tx.prepared<{ id: string; name: string; organization: string; organization_id: string }>(
      'site_by_name',
      `select s.id, s.name, o.name as organization, s.organization_id from sites s join organizations o on o.id = s.organization_id
       where s.id::text = lower($1) or lower(s.name) = lower($1) order by o.name limit 50`,
      [item.replaceAll('\0', '')],
    )
    const within = rows.filter((row) => organizations === undefined || organizations.includes(row.organization_id))
    const [site] = within
    if (!site) throw notFound('site', item)
    if (within.length > 1)
      throw ambiguous(
        'site',
        item,
        within.map(({ id, name, organization }) => ({ id, name, detail: organization })),
      )
    ids.push(site.id)
  }
  return ids
}
