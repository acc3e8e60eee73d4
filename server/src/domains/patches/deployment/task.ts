/** What a deployment does on each device, as it was confirmed; stored with its rollout and read back. */
import { MOST_UPDATES_AT_ONCE, scriptArgs } from '@breeze/contract/agent-commands'
import { z } from 'zod'

export const REBOOTS = ['never', 'if_required', 'always'] as const

export const deploymentTask = z.object({
  windows: z.enum(['respect', 'require', 'ignore']),
  /** A device that missed its window begins in the next one. */
  catchUp: z.boolean(),
  timeoutSeconds: z.number().int(),
  reboot: z.object({
    policy: z.enum(REBOOTS),
    /** `after_install`, `next_window`, or a time. */
    at: z.string(),
  }),
  preScript: scriptArgs.optional(),
  postScript: scriptArgs.optional(),
})
export type DeploymentTask = z.output<typeof deploymentTask>

const update = z.object({ name: z.string(), version: z.string().nullable(), article: z.string().optional() })
export type ChosenUpdate = z.output<typeof update>

const result = z.object({
  name: z.string(),
  state: z.enum(['installed', 'already_installed', 'not_available', 'failed', 'not_attempted']),
  reason: z.string().optional(),
})
export type UpdateResult = z.output<typeof result>

/** Of one device: what it is to get, and what it told so far. */
export const deviceDetail = z.object({
  updates: z.array(update).max(MOST_UPDATES_AT_ONCE),
  results: z.array(result).optional(),
  rebootPending: z.boolean().nullable().optional(),
  /** The boot in which it was told to restart: another one means that it did. */
  bootId: z.string().nullable().optional(),
  tries: z.number().int().optional(),
  scans: z.number().int().optional(),
})
export type DeviceDetail = z.output<typeof deviceDetail>
