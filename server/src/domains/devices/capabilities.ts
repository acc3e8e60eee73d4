/** What devices say they can carry out, so that a tool says no before it queues anything. */
import type { Capability } from '@breeze/contract/agent-capabilities'
import type { Tx } from '../../kernel/db.ts'

// An agent that reports its capabilities and leaves one out is older than it.
const MISSING = `
  select s.device_id, w.name
  from device_sections s cross join unnest($2::text[]) as w (name)
  where s.device_id = any ($1::uuid[]) and s.section = 'capabilities' and s.status = 'ok' and jsonb_typeof(s.data) = 'array'
    and not s.data @> jsonb_build_array(jsonb_build_object('name', w.name, 'supported', true))
  order by s.device_id, w.name`

/**
 * Those of the devices that lack one of the capabilities, and which, in the server's own words: why, their
 * `capabilities` section says. A device that has not told what it can is not among them.
 */
export async function incapable(
  tx: Tx,
  deviceIds: readonly string[],
  capabilities: readonly Capability[],
): Promise<Map<string, string>> {
  const rows = await tx.prepared<{ device_id: string; name: Capability }>('incapable_devices', MISSING, [
    deviceIds,
    capabilities,
  ])
  const missing = Map.groupBy(rows, (row) => row.device_id)
  return new Map(
    [...missing].map(([id, lacks]) => [id, `not supported there: ${lacks.map((row) => row.name).join(', ')}`]),
  )
}
