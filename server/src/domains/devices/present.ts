/** How a device is shown, in a list and by itself. */
import { z } from 'zod'
import type { DeviceRow } from './rows.ts'

const place = z.object({ id: z.string(), name: z.string() })

export const deviceFields = {
  id: z.string(),
  name: z.string(),
  organization: place,
  site: place,
  status: z.string(),
  conditions: z.array(z.string()),
  tags: z.array(z.string()).optional(),
  role: z.string(),
  os: z.string().nullable(),
  last_seen_at: z.string().nullable(),
}

export function presentDevice(device: DeviceRow) {
  return {
    id: device.id,
    name: device.name,
    organization: { id: device.organizationId, name: device.organizationName },
    site: { id: device.siteId, name: device.siteName },
    status: device.status,
    conditions: device.conditions,
    ...(device.tags.length > 0 && { tags: device.tags }),
    role: device.role,
    os: device.os,
    last_seen_at: device.lastSeenAt,
  }
}
