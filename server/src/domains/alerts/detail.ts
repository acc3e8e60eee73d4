/**
 * What answers read of an alert's frozen payload. The engine writes more beside it: text of ours or numbers at the top,
 * what devices wrote under `device_text`.
 */
import { z } from 'zod'

const measured = z.union([z.number(), z.string()]).nullable().default(null).catch(null)

export const alertDetail = z
  .object({
    /** What was measured when it opened, and what it was held against: 97, 90, "%"; "running", for a service. */
    value: measured,
    threshold: measured,
    unit: z.string().nullable().default(null).catch(null),
  })
  .catch({ value: null, threshold: null, unit: null })
export type AlertDetail = z.output<typeof alertDetail>
