/** A rule as callers write it: typed by what it watches, its devices by name. */
import { z } from 'zod'
import { nameField } from '../../identity/fields.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { readScope, scopeInput } from '../devices/scope-input.ts'
import { isSignal } from './rule-rows.ts'
import type { RuleValues } from './rule-settings.ts'
import { conditions, ruleFields, SIGNALS } from './rules.ts'

const plain = {
  severity: ruleFields.severity,
  fire_after_seconds: ruleFields.fire_after_seconds.unwrap(),
  clear_after_seconds: ruleFields.clear_after_seconds.unwrap(),
  auto_resolve: z.boolean(),
  notify: z.boolean(),
}

export const ruleInput = z
  .object({
    name: nameField.max(120),
    source: z.enum(SIGNALS).describe('create: what is watched; the shape of condition follows from it.'),
    condition: z
      .record(z.string().max(40), z.unknown())
      .describe(
        'Such as {"metric": "disk", "levels": [{"severity": "high", "fire": 90, "clear": 87}]}; the whole of it.',
      ),
    scope: scopeInput.describe(
      'Which devices: of each list one must fit; organizations, sites and devices by id or name.',
    ),
    ...plain,
  })
  .partial()
export type RuleInput = z.output<typeof ruleInput>

/** What an update changes: of `source`, the rule's own. Throws `invalid_input` that names what does not fit. */
export async function readRuleInput(
  tx: Tx,
  caller: Caller,
  input: RuleInput,
  of: { signal: string; organizationId: string | null },
): Promise<Partial<RuleValues>> {
  const { name, severity, fire_after_seconds, clear_after_seconds, auto_resolve, notify } = input
  const given = {
    name,
    severity,
    fire_after_seconds,
    clear_after_seconds,
    auto_resolve,
    notify,
    condition: input.condition === undefined ? undefined : readCondition(of.signal, input.condition),
    scope: input.scope === undefined ? undefined : await readScope(tx, caller, input.scope, of.organizationId),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

export function readCondition(signal: string, condition: unknown): unknown {
  if (!isSignal(signal)) throw invalidInput(`source: no signal is called "${signal}".`)
  const parsed = conditions[signal].safeParse(condition)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${['condition', ...path].join('.')}: ${message}`)
  throw invalidInput(
    issues.join('; '),
    `A condition of ${signal} has ${Object.keys(fieldsOf(signal)).join(', ') || 'no fields'}.`,
  )
}

/** The fields of a condition, also under the checks that stand around it. */
function fieldsOf(signal: keyof typeof conditions): Record<string, unknown> {
  const schema: z.ZodType = conditions[signal]
  return schema instanceof z.ZodObject ? schema.shape : {}
}
