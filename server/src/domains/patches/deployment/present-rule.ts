import { z } from 'zod'
import type { Caller } from '../../../kernel/caller.ts'
import { levelShown } from '../../organizations/setting-level.ts'
import type { PatchRule } from './rules.ts'

export const ruleShape = z.object({
  id: z.string(),
  name: z.string(),
  organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable().describe('Null: of all.'),
  decision: z.enum(['approve', 'block']),
  match: z.record(z.string(), z.unknown()).describe('Empty: every update.'),
  delay_days: z.number().int(),
})

export const presentRule = (rule: PatchRule, caller: Caller): z.input<typeof ruleShape> => ({
  id: rule.id,
  name: rule.name,
  organization: levelShown(caller, rule.organizationId),
  decision: rule.decision,
  match: rule.match,
  delay_days: rule.delayDays,
})

/** "Critical at once: approves severities critical, 3 days after they are seen". */
export function ruleLine({ name, decision, match, delayDays }: PatchRule): string {
  const which = Object.entries(match).map(([field, values]) => `${field} ${[values].flat().join(', ')}`)
  const after = decision === 'approve' && delayDays > 0 ? `, ${delayDays} days after they are first seen` : ''
  return `${name}: ${decision}s ${which.length > 0 ? which.join(' and ') : 'every update'}${after}`
}
