import { z } from 'zod'
import { asList, oneOrMany } from '../../../identity/fields.ts'
import { deviceData, deviceText } from '../../../kernel/content/device-text.ts'
import { makeCursor, readCursor } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { namedGroups } from '../../devices/groups.ts'
import { deviceId, resolveFilter } from '../../devices/select.ts'
import { lastFailures } from '../../rollouts/reads.ts'
import { openFailures } from '../derive.ts'
import { DEPLOYMENT } from '../deployment/kind.ts'
import { presentPatchStatus } from '../present-status.ts'
import { GROUPINGS, patchStatus, updatesOf } from '../status.ts'
import { PATCH_STATES, type PatchState, UPDATE_SEVERITIES } from '../tables.ts'

/** Compared in one answer, by name. */
const MOST_GROUPS = 100
/** Updates named for each device; `missing` counts all. */
const NAMED = 5
const NOT_FULLY_PATCHED: readonly PatchState[] = ['failed', 'missing', 'unknown']

/** `security`: whatever its severity, which not every publisher tells. */
const KINDS = ['security', ...UPDATE_SEVERITIES] as const

const reference = z.string().min(1).max(255).optional()
const count = z.number().int()
/** With more fields than a list of tools needs to name; texts in them may be a device's. */
const row = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).catchall(deviceData())

export default defineTool({
  name: 'get_patch_status',
  title: 'Get patch status',
  description:
    'Patch compliance: devices fully patched, missing updates, failed or unknown; what is missing, since when, why it failed. Reads only.',
  area: 'patches',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'patches.read' },
  deviceText: true,
  input: z.object({
    device: reference,
    organization: reference,
    site: reference,
    group: reference,
    state: oneOrMany(z.enum(PATCH_STATES)).optional(),
    severity: oneOrMany(z.enum(KINDS)).optional(),
    group_by: z.enum(GROUPINGS).default('device'),
    limit: z.number().int().min(1).max(200).default(25),
    cursor: z.string().max(2000).optional(),
  }),
  output: z.object({
    counts: z.object({ devices: count, up_to_date: count, missing: count, failed: count, unknown: count }),
    patched_percent: count.nullable(),
    updates: z.array(row({ name: deviceText(300) })),
    devices: z.array(row({ name: z.string(), state: z.string() })),
    groups: z.array(z.looseObject({})).optional(),
    total: count,
    next_cursor: z.string().optional(),
  }),
  async run({ tx, caller, now }, input) {
    const { limit, cursor, ...binding } = input
    const at = now()
    const filter = await resolveFilter(tx, caller, {
      organization: input.organization,
      site: input.site,
      group: input.group,
    })
    const asked = {
      filter: { ...filter, ...(input.device !== undefined && { ids: [await deviceId(tx, input.device)] }) },
      states: asList(input.state) ?? NOT_FULLY_PATCHED,
      ...kinds(asList(input.severity)),
      grouping: input.group_by,
      groups: input.group_by === 'group' ? await namedGroups(tx, MOST_GROUPS) : [],
      limit,
      offset: cursor === undefined ? 0 : offsetOf(readCursor('patch_status', binding, cursor)),
    }
    const status = await patchStatus(tx, asked, at)
    const ids = status.devices.map((device) => device.id)
    const updates = await updatesOf(tx, ids, asked, NAMED)
    const failures = await openFailures(tx, at, ids)
    const deployments = await lastFailures(tx, DEPLOYMENT, ids, at)
    const total =
      { device: status.devices_total, update: status.updates_total }[input.group_by as string] ?? status.groups_total
    const end = asked.offset + limit
    return {
      status,
      updates,
      failures,
      deployments,
      at,
      total,
      next: end < total ? makeCursor('patch_status', binding, [end]) : null,
    }
  },
  present: (read, input) => presentPatchStatus(read, input.group_by),
})

function kinds(wanted: readonly (typeof KINDS)[number][] | undefined) {
  const severities = wanted?.filter((kind) => kind !== 'security')
  return { security: wanted?.includes('security') ?? false, severities: severities?.length ? severities : undefined }
}

const offsetShape = z.tuple([z.number().int().min(0).max(1_000_000)])

function offsetOf(key: readonly unknown[]): number {
  const parsed = offsetShape.safeParse(key)
  if (!parsed.success) throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
  return parsed.data[0]
}
