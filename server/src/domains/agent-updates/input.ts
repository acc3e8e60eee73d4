/** What an update of agents is asked for with. */
import { z } from 'zod'
import { selectionFields } from '../devices/select.ts'
import { gateFields, ringsField, upTo } from '../rollouts/staging.ts'

export const updateInput = z.object({
  ...selectionFields,
  rings: ringsField.describe('Stages by devices, count or percent; the rest is last.'),
  ...gateFields,
  patience_hours: upTo(168).default(24).describe('How long a stage waits for absent devices.'),
  give_up_hours: upTo(1440).default(168),
  probation_minutes: upTo(60).default(5).describe('Not let in by then: rolled back.'),
  force: z.boolean().default(false).describe('Also where this build was rolled back before.'),
})
export type UpdateInput = z.output<typeof updateInput>
