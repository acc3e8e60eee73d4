import { z } from 'zod'
import { isInForce, type Elevation } from './service.ts'
import { ENDINGS } from './tables.ts'

export const elevationShape = z.object({
  id: z.string(),
  in_force: z.boolean(),
  scope: z.string(),
  organization: z.object({ id: z.string(), name: z.string() }),
  credential: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
  user: z.object({ id: z.string(), name: z.string() }),
  reason: z.string(),
  minutes: z.number().int(),
  granted_by: z.string(),
  request: z.string().describe('Operation id of the request.'),
  started_at: z.string(),
  ends_at: z.string(),
  ended: z.object({ at: z.string(), because: z.enum(ENDINGS), by: z.string().nullable() }).nullable(),
})

export function presentElevation(row: Elevation, names: ReadonlyMap<string, { name: string }>, now: Date) {
  const late = row.ended_at === null && row.ends_at <= now
  const endedAt = late ? row.ends_at : row.ended_at
  const because = late ? ('time' as const) : row.ended_because
  return {
    id: row.id,
    in_force: isInForce(row, now),
    scope: row.scope,
    organization: { id: row.organization_id, name: names.get(row.organization_id)?.name ?? row.organization_id },
    credential: { kind: row.credential_kind, id: row.credential_id, name: row.credential_name },
    user: { id: row.user_id, name: row.user_name },
    reason: row.reason,
    minutes: row.minutes,
    granted_by: row.granted_by_name,
    request: row.operation_id,
    started_at: row.started_at.toISOString(),
    ends_at: row.ends_at.toISOString(),
    ended: endedAt && because ? { at: endedAt.toISOString(), because, by: row.ended_by_name } : null,
  }
}

export function elevationText(row: ReturnType<typeof presentElevation>): string {
  const until = row.ended ? `ended ${row.ended.at} (${row.ended.because})` : `until ${row.ends_at}`
  return `${row.id}: ${row.scope} at ${row.organization.name} for "${row.credential.name}" of ${row.user.name}, ${until}; granted by ${row.granted_by}, because: ${row.reason}`
}
