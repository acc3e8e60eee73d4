/** What a deployment is asked for with. */
import { SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { oneOrMany } from '../../../identity/fields.ts'
import { selectionFields } from '../../devices/select.ts'
import { gateFields, ringsField, upTo } from '../../rollouts/staging.ts'
import { UPDATE_SEVERITIES } from '../tables.ts'
import { REBOOTS } from './task.ts'

const DAY_HOURS = 24
const instant = z.iso.datetime()
/** One of the words, or a time. */
const moment = (word: string, otherWord: string) =>
  z
    .string()
    .refine(
      (value) => value === word || value === otherWord || instant.safeParse(value).success,
      `must be ${word}, ${otherWord} or a time in UTC`,
    )

const script = z.string().min(1).max(200_000).optional()

export const deployInput = z.object({
  ...selectionFields,
  updates: oneOrMany(z.string().min(1).max(300), 200).optional().describe('Names or KBs; none: all approved.'),
  severity: oneOrMany(z.enum(UPDATE_SEVERITIES)).optional(),
  security_only: z.boolean().default(false),
  when: moment('now', 'next_window').default('next_window').describe('now, next_window or a time.'),
  ignore_windows: z.boolean().default(false),
  catch_up: z.boolean().default(true).describe('A missed window: begin in the next.'),
  reboot: z.enum(REBOOTS).default('never'),
  reboot_at: moment('after_install', 'next_window').default('after_install').describe('Or next_window or a time.'),
  rings: ringsField.describe('Stages by one of devices, count, percent; the rest is last:'),
  ...gateFields,
  patience_hours: upTo(168).default(DAY_HOURS),
  give_up_hours: upTo(1440).default(168),
  timeout_minutes: upTo(240).default(60),
  scripts: z
    .strictObject({ language: z.enum(SCRIPT_LANGUAGES).default('bash'), before: script, after: script })
    .optional()
    .describe('Texts to run around it:'),
})
export type DeployInput = z.output<typeof deployInput>
