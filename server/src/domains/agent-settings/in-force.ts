/** Which devices work by the present configuration, and which have not taken it yet. */
import type { Tx } from '../../kernel/db.ts'

export interface InForce {
  /** Devices that were heard at least once. */
  devices: number
  waiting: number
  /** The first of those that wait. */
  examples: { id: string; name: string }[]
}

const EXAMPLES = 20

const IN_FORCE = `
  with wanted as (select * from unnest($1::uuid[], $2::text[]) as w (organization_id, etag)),
  seen as (
    select d.id, d.name, p.configuration_etag is distinct from w.etag as waits
    from devices d join wanted w using (organization_id) left join device_presence p on p.device_id = d.id
    where d.removed_at is null and d.first_seen_at is not null)
  select count(*) as devices, count(*) filter (where waits) as waiting,
    coalesce((select jsonb_agg(e) from (
      select id, name from seen where waits order by lower(name), id limit ${EXAMPLES}) e), '[]') as examples
  from seen`

/** `etags`: organization → the etag in force there. The transaction sees no more than its caller may. */
export async function inForce(tx: Tx, etags: ReadonlyMap<string, string>): Promise<InForce> {
  const [row] = await tx.prepared<InForce>('agent_settings_in_force', IN_FORCE, [
    [...etags.keys()],
    [...etags.values()],
  ])
  return row ?? { devices: 0, waiting: 0, examples: [] }
}
