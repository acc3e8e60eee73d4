/** Devices by a check that they fail, as a condition of SQL for whoever lists devices. It knows the kernel only. */
import { type RawBuilder, sql } from 'kysely'

/** Of a row of `devices d`. A failure that is waived does not count. */
export const failsCheck = (check: string): RawBuilder<unknown> => sql`exists (
  select from compliance_results r
  where r.device_id = d.id and r.check_id = ${check} and r.result = 'fail' and r.waiver_id is null)`
