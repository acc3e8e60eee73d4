import { z } from 'zod'
import { reasonField, referenceField } from '../../../identity/fields.ts'
import { type Caller, rowAccess } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { conflict, forbidden, invalidInput, notFound } from '../../../kernel/errors.ts'
import { defineTool, type Target } from '../../../kernel/tool.ts'
import { findGroup } from '../../devices/groups.ts'
import { selectDevices } from '../../devices/select.ts'
import { tagField } from '../../devices/tags.ts'
import { isUuid } from '../../../kernel/uuid.ts'
import { findOrganization, findSite, organizationTarget, siteTarget } from '../../organizations/service.ts'
import { DAY_MS } from '../checks/facts.ts'
import { requireCheck } from '../lookup.ts'
import { presentWaiver, waiverShape, waiverText } from '../present-waiver.ts'
import { endWaiver, findWaiver, insertWaiver } from '../waivers.ts'

const LONGEST_DAYS = 366

const input = z.object({
  action: z.enum(['add', 'end']),
  waiver: z.string().max(100).optional().describe('end: its id.'),
  check: z.string().max(60).optional().describe('add: the check whose failure is accepted.'),
  device: referenceField
    .optional()
    .describe('Id or name; one of device, site, organization. A tag or group narrows an organization.'),
  site: referenceField.optional(),
  organization: referenceField.optional(),
  tag: tagField.optional(),
  group: referenceField.optional().describe('Id or name.'),
  reason: reasonField.optional().describe('add: why it is accepted.'),
  until: z.iso.datetime().optional().describe('add: UTC, within a year.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_waivers',
  title: 'Manage waivers',
  description:
    'Accepts the failure of a compliance check for a device, tag, group, site or organization until a date within a year, with a reason; or ends such a waiver. Waived failures leave the score and are counted beside it.',
  area: 'compliance',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      add: { tier: 2, permission: 'compliance.write' },
      end: { tier: 2, permission: 'compliance.write', idempotent: true },
    },
  },
  input,
  output: z.object(waiverShape),
  async targets({ tx, caller, now }, asked) {
    if (asked.action === 'end') return [await targetOfWaiver(tx, asked)]
    checkNew(asked, now())
    const target = await scopeOf(tx, caller, asked)
    await groupOf(tx, asked, target)
    return [target]
  },
  plan: async (_, asked, [target]) => ({
    summary:
      asked.action === 'end'
        ? `End the waiver for ${target?.name}: its failures count again.`
        : `Accept failures of ${asked.check} for ${narrowed(asked)}${target?.name} until ${asked.until}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, newId }, asked, [target]) {
    if (!target) throw new Error('a waiver is about something')
    const id = asked.action === 'end' ? (asked.waiver ?? '') : newId()
    if (asked.action === 'end') {
      if (!(await endWaiver(tx, id, caller.user.id, now())))
        throw conflict('This waiver was ended before.', 'Nothing is left to do.')
    } else {
      const groupId = await groupOf(tx, asked, target)
      await insertWaiver(tx, { id, ...newWaiver(asked, target), groupId, by: caller.user.id, at: now() })
    }
    return { id }
  },
  async settle({ transaction, services, now }, { id }) {
    const known = await transaction((tx) => findWaiver(tx, id))
    if (!known) throw notFound('waiver', id)
    await services.compliance.waiversChanged(known.organizationId, known.checkId)
    const waiver = await transaction((tx) => findWaiver(tx, id))
    if (!waiver) throw notFound('waiver', id)
    return presentWaiver(waiver, now())
  },
  present: (waiver) => ({ text: waiverText(waiver), data: waiver }),
})

function checkNew(asked: Input, now: Date): void {
  requireCheck(asked.check ?? '')
  if (asked.reason === undefined || asked.until === undefined)
    throw invalidInput('A waiver has a reason and an end.', 'Give reason and until.')
  const left = Date.parse(asked.until) - now.getTime()
  if (left <= 0 || left > LONGEST_DAYS * DAY_MS)
    throw invalidInput('until: must be in the future and within a year.', 'Give a nearer date; it can be renewed.')
}

/** One thing is named, and the whole of it is within the caller's reach. */
async function scopeOf(tx: Tx, caller: Caller, asked: Input): Promise<Target> {
  const { device, site, organization, tag, group } = asked
  const narrowing = [tag, group].filter((one) => one !== undefined).length
  if (narrowing > 1 || (narrowing > 0 && (organization === undefined || device !== undefined || site !== undefined)))
    throw invalidInput('A tag or a group goes with an organization, and with nothing else.')
  if (device !== undefined) {
    const [target] = await selectDevices(tx, caller, { devices: device })
    if (!target) throw notFound('device', device)
    return target
  }
  if (site !== undefined) {
    const within = organization && (await findOrganization(tx, caller, 'compliance.write', organization)).id
    return siteTarget(await findSite(tx, caller, 'compliance.write', site, within))
  }
  if (organization === undefined) throw invalidInput('Say for what: device, site or organization.')
  const found = await findOrganization(tx, caller, 'compliance.write', organization)
  if (!rowAccess(caller, 'compliance.write').whole.includes(found.id))
    throw forbidden(
      'You see a part of this organization only.',
      'Give a site or a device, or ask somebody who sees all of it.',
    )
  return organizationTarget(found)
}

/** A group whose members are those that fail would lose them by the waiver, and the waiver them. */
async function groupOf(tx: Tx, { group: wanted }: Input, target: Target): Promise<string | null> {
  if (wanted === undefined) return null
  const group = await findGroup(tx, wanted)
  if (group.organizationId !== null && group.organizationId !== target.organizationId) throw notFound('group', wanted)
  if (group.filter?.failing_check !== undefined)
    throw invalidInput('A group of devices that fail a check can not be waived.', 'Use another group or a tag.')
  return group.id
}

const narrowed = ({ tag, group }: Input): string =>
  tag === undefined ? (group === undefined ? '' : `devices of the group "${group}" of `) : `devices tagged "${tag}" of `

async function targetOfWaiver(tx: Tx, { waiver: id = '' }: Input): Promise<Target> {
  const waiver = isUuid(id) ? await findWaiver(tx, id) : undefined
  if (!waiver) throw notFound('waiver', id)
  const place = { organizationId: waiver.organizationId, siteId: waiver.siteId }
  const name = waiver.deviceName ?? waiver.siteName ?? waiver.organizationName
  if (waiver.deviceId !== null) return { kind: 'device', id: waiver.deviceId, name, ...place }
  if (waiver.siteId !== null) return { kind: 'site', id: waiver.siteId, name, ...place }
  return { kind: 'organization', id: waiver.organizationId, name, ...place }
}

function newWaiver(asked: Input, target: Target) {
  return {
    organizationId: target.organizationId ?? target.id,
    siteId: target.siteId,
    deviceId: target.kind === 'device' ? target.id : null,
    tag: asked.tag ?? null,
    checkId: asked.check ?? '',
    reason: asked.reason ?? '',
    until: new Date(asked.until ?? Number.NaN),
  }
}
