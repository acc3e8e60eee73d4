/** Which updates are approved: rules of the partner and of the organization. Pure. What one rule blocks, no other lets through. */
import { z } from 'zod'
import { UPDATE_SEVERITIES, type UpdateSeverity } from '../tables.ts'

/** All that is given must fit; of each list, one. */
export const ruleMatch = z
  .strictObject({
    /** Part of a name is written with `*`. */
    names: z.array(z.string().min(1).max(300)).min(1).max(200),
    articles: z
      .array(z.string().regex(/^KB\d{4,9}$/, 'must be like KB5034441'))
      .min(1)
      .max(200),
    severities: z.array(z.enum(UPDATE_SEVERITIES)).min(1).max(4),
    /** `security` updates, or the others. */
    classification: z.enum(['security', 'other']),
  })
  .partial()
export type RuleMatch = z.output<typeof ruleMatch>

export interface PatchRule {
  id: string
  /** Null: every organization of the partner. */
  organizationId: string | null
  name: string
  decision: 'approve' | 'block'
  match: RuleMatch
  /** An approval counts so many days after the device was first known to lack the update. */
  delayDays: number
}

export interface Offered {
  name: string
  article: string | null
  security: boolean | null
  severity: UpdateSeverity | null
  firstSeenAt: Date
}

export type Standing = 'approved' | 'blocked' | 'not_yet' | 'not_approved'

const DAY_MS = 86_400_000

/** `rules`: those of the device's own partner. Where nobody approves anything by rule, all that is not blocked is approved. */
export function standing(rules: readonly PatchRule[], organizationId: string, update: Offered, now: Date): Standing {
  const own = rules.filter((rule) => rule.organizationId === null || rule.organizationId === organizationId)
  const fitting = own.filter((rule) => fits(rule.match, update))
  if (fitting.some(({ decision }) => decision === 'block')) return 'blocked'
  if (!own.some(({ decision }) => decision === 'approve')) return 'approved'
  const approving = fitting.filter(({ decision }) => decision === 'approve')
  if (approving.length === 0) return 'not_approved'
  const known = now.getTime() - update.firstSeenAt.getTime()
  return approving.some(({ delayDays }) => known >= delayDays * DAY_MS) ? 'approved' : 'not_yet'
}

export function fits(match: RuleMatch, update: Offered): boolean {
  const { names, articles, severities, classification } = match
  if (names && !names.some((pattern) => isCalled(update.name, pattern))) return false
  if (articles && (update.article === null || !articles.includes(update.article))) return false
  if (severities && (update.severity === null || !severities.includes(update.severity))) return false
  return classification === undefined || (update.security === true) === (classification === 'security')
}

/** Without regular expressions: a pattern of many stars must not cost more than its length. */
export function isCalled(name: string, pattern: string): boolean {
  const text = name.toLowerCase()
  const parts = pattern.toLowerCase().split('*')
  const [first = '', ...rest] = parts
  if (rest.length === 0) return text === first
  if (!text.startsWith(first)) return false
  const last = rest.pop() ?? ''
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
