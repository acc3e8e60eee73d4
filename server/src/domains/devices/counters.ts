/** The nightly check of `device_counts`: kept by triggers, and still compared with a real count. */
import type { Db } from '../../kernel/db.ts'

const RECONCILE = `
  with real as (
    select organization_id, site_id, status, count(*) as n from devices where removed_at is null group by 1, 2, 3),
  wrong as (
    select organization_id, site_id, status, coalesce(r.n, 0) as n
    from real r full join device_counts c using (organization_id, site_id, status)
    where coalesce(r.n, 0) <> coalesce(c.n, 0))
  insert into device_counts (organization_id, site_id, status, n)
  select organization_id, site_id, status, n from wrong order by 1, 2, 3
  on conflict (organization_id, site_id, status) do update set n = excluded.n
  returning status`

/** Answers how many counters were wrong; each is a defect worth a line in the log. */
export function reconcileCounts(db: Db): Promise<number> {
  return db.worker(async (tx) => {
    // Whoever changes a device changes its counter in the same statement, so holding these holds both still.
    await tx.prepared('lock_counts', 'lock table device_counts in share row exclusive mode', [])
    const wrong = await tx.prepared('reconcile_counts', RECONCILE, [])
    return wrong.length
  })
}
