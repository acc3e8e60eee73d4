/** How a rule is told. */
import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import { deviceScope } from '../devices/scope.ts'
import { DEFAULT_RULES } from './default-rules.ts'
import type { StoredRule } from './rule-settings.ts'

export const ruleShape = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string(),
  severity: z.string(),
  organization: z.object({ id: z.string(), name: z.string() }).nullable().describe('Null: of every organization.'),
  scope: deviceScope.describe('Which devices; empty: all.'),
  condition: z.record(z.string(), z.unknown()),
  fire_after_seconds: z.number().int(),
  clear_after_seconds: z.number().int(),
  auto_resolve: z.boolean(),
  notify: z.boolean(),
  enabled: z.boolean(),
  halted: z.string().nullable().describe('Why its script runs no more, though it is enabled.'),
  default_rule: z.string().nullable().describe('Its name among the rules that come with Breeze.'),
})

export function presentRule(rule: StoredRule, caller: Caller): z.input<typeof ruleShape> {
  const { organization_id: of } = rule
  return {
    id: rule.id,
    name: rule.name,
    source: rule.signal,
    severity: rule.severity,
    organization: of === null ? null : { id: of, name: caller.organizations.get(of)?.name ?? '' },
    // Both were checked when they were written.
    scope: rule.scope as z.input<typeof deviceScope>,
    condition: rule.condition as Record<string, unknown>,
    fire_after_seconds: rule.fire_after_seconds,
    clear_after_seconds: rule.clear_after_seconds,
    auto_resolve: rule.auto_resolve,
    notify: rule.notify,
    enabled: rule.enabled,
    halted: rule.halted,
    default_rule: rule.built_in,
  }
}

export function ruleLine(rule: StoredRule, caller: Caller): string {
  const of = rule.organization_id === null ? '' : ` of ${caller.organizations.get(rule.organization_id)?.name ?? ''}`
  const isDefault = DEFAULT_RULES.some(({ builtIn }) => builtIn === rule.built_in)
  const marks = [
    isDefault ? 'default' : '',
    rule.enabled ? '' : 'off',
    rule.notify ? '' : 'not told',
    rule.halted ?? '',
  ].filter(Boolean)
  return `${rule.name}${of}: ${rule.signal}, ${rule.severity}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`
}
