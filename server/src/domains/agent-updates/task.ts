/** What an update does on each device, as it was confirmed; stored with its rollout and read back. */
import { z } from 'zod'

export const updateTask = z.object({
  version: z.string(),
  sha256: z.string(),
  probationSeconds: z.number().int(),
  force: z.boolean(),
})
export type UpdateTask = z.output<typeof updateTask>

/** Of one device. */
export const updateDetail = z.object({
  from: z.string(),
  tries: z.number().int().default(0),
})
export type UpdateDetail = z.output<typeof updateDetail>
