import { z } from 'zod'
import type { Waiver, WaiverState } from './waivers.ts'

const place = z.object({ id: z.string(), name: z.string() })

export const waiverShape = {
  id: z.string(),
  check: z.string(),
  organization: place,
  site: place.nullable(),
  device: place.nullable(),
  tag: z.string().nullable(),
  group: place.nullable(),
  reason: z.string(),
  state: z.string(),
  until: z.string(),
  created_at: z.string(),
  created_by: z.string().nullable(),
  ended_at: z.string().nullable(),
  ended_by: z.string().nullable(),
  devices: z.number().int().describe('Whose failure it accepts now.'),
}
export type ShownWaiver = z.infer<z.ZodObject<typeof waiverShape>>

const placeOf = (id: string | null, name: string | null) => (id === null ? null : { id, name: name ?? id })

export function presentWaiver(waiver: Waiver, now: Date): ShownWaiver {
  const { id, checkId, tag, reason, until, createdAt, createdBy, endedAt, endedBy, holds } = waiver
  return {
    id,
    check: checkId,
    organization: { id: waiver.organizationId, name: waiver.organizationName },
    site: placeOf(waiver.siteId, waiver.siteName),
    device: placeOf(waiver.deviceId, waiver.deviceName),
    tag,
    group: placeOf(waiver.groupId, waiver.groupName),
    reason,
    state: stateOf(waiver, now),
    until: until.toISOString(),
    created_at: createdAt.toISOString(),
    created_by: createdBy,
    ended_at: endedAt?.toISOString() ?? null,
    ended_by: endedBy,
    devices: stateOf(waiver, now) === 'active' ? holds : 0,
  }
}

const stateOf = ({ endedAt, until }: Waiver, now: Date): WaiverState =>
  endedAt !== null ? 'ended' : until.getTime() > now.getTime() ? 'active' : 'expired'

export function waiverText({
  check,
  organization,
  site,
  device,
  tag,
  group,
  reason,
  state,
  until,
  created_by: by,
  devices,
}: ShownWaiver) {
  const devicesOf = tag === null ? group && `group ${group.name}` : `tag ${tag}`
  const where = device?.name ?? devicesOf ?? site?.name ?? 'all devices'
  return `${check} for ${where} of ${organization.name}: ${state}, until ${until.slice(0, 10)}, by ${by ?? 'somebody'}, holds for ${devices} devices. ${reason}`
}
