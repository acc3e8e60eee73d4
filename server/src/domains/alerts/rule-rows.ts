/** Rules as rows: read for the engine, and those every partner begins with. */
import type { Environment } from '../../kernel/context.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { type DeviceScope, deviceScope } from '../devices/scope.ts'
import { DEFAULT_RULES, type DefaultRule } from './default-rules.ts'
import { type Condition, conditions, parseCondition, type Signal } from './rules.ts'
import type { Severity } from './tables.ts'

interface RuleFacts {
  id: string
  partnerId: string
  /** Null: every organization of the partner. */
  organizationId: string | null
  name: string
  scope: DeviceScope
  severity: Severity
  fireAfterMs: number
  clearAfterMs: number
  autoResolve: boolean
  notify: boolean
  version: number
  /** Who saved it; null: Breeze itself. */
  updatedBy: string | null
}
export type RuleOf<S extends Signal> = RuleFacts & { signal: S; condition: Condition<S> }
export type Rule = { [S in Signal]: RuleOf<S> }[Signal]

export const isSignal = (signal: string): signal is Signal => Object.hasOwn(conditions, signal)

/** The enabled ones. Rows of another version's making that can't be understood are named to `unreadable`. */
export async function readRules(tx: Tx, unreadable: (id: string, error: unknown) => void): Promise<Rule[]> {
  const rows = await tx.all(query.selectFrom('alert_rules').selectAll().where('enabled', '=', true).orderBy('id'))
  return rows.flatMap((row) => {
    try {
      if (!isSignal(row.signal)) throw new Error(`signal ${row.signal} is not known`)
      const rule = {
        id: row.id,
        partnerId: row.partner_id,
        organizationId: row.organization_id,
        name: row.name,
        scope: deviceScope.parse(row.scope),
        severity: row.severity,
        fireAfterMs: row.fire_after_seconds * 1000,
        clearAfterMs: row.clear_after_seconds * 1000,
        autoResolve: row.auto_resolve,
        notify: row.notify,
        version: row.version,
        updatedBy: row.updated_by,
        signal: row.signal,
        condition: parseCondition(row.signal, row.condition),
      }
      // Each signal's condition was parsed by its own schema.
      return [rule as Rule]
    } catch (error) {
      unreadable(row.id, error)
      return []
    }
  })
}

/** Changes whenever a rule does. */
export async function rulesVersion(tx: Tx): Promise<string> {
  const [row] = await tx.prepared<{ version: string }>(
    'alert_rules_version',
    `select md5(coalesce(string_agg(id || ' ' || version || ' ' || enabled, ',' order by id), '')) as version from alert_rules`,
    [],
  )
  return row?.version ?? ''
}

const GIVEN = 'alert rules given to '

/** Gives each partner the default rules that it has not been given yet. Answers how many were added. */
export async function giveDefaultRules(tx: Tx, environment: Environment): Promise<number> {
  const partners = await tx.prepared<{ id: string; given: string[] | null }>(
    'partners_without_rules',
    `select p.id, i.value as given from partners p left join installation i on i.key = $1 || p.id
     where i.value is null or not i.value @> $2::jsonb`,
    [GIVEN, JSON.stringify(DEFAULT_RULES.map((rule) => rule.builtIn))],
  )
  let added = 0
  for (const { id, given } of partners) {
    const missing = DEFAULT_RULES.filter((rule) => !given?.includes(rule.builtIn))
    added += await tx.run(
      query
        .insertInto('alert_rules')
        .values(missing.map((rule) => rowOf(rule, id, environment)))
        .onConflict((clash) => clash.doNothing()),
    )
    await tx.prepared(
      'rules_given',
      `insert into installation (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value`,
      [`${GIVEN}${id}`, JSON.stringify([...new Set([...(given ?? []), ...missing.map((rule) => rule.builtIn)])])],
    )
  }
  return added
}

export function rowOf(rule: DefaultRule, partnerId: string, { newId, now }: Pick<Environment, 'newId' | 'now'>) {
  return {
    id: newId(),
    partner_id: partnerId,
    name: rule.name,
    signal: rule.signal,
    condition: JSON.stringify(rule.condition),
    scope: JSON.stringify(rule.scope ?? {}),
    severity: rule.severity,
    fire_after_seconds: rule.fireAfterSeconds ?? 0,
    clear_after_seconds: rule.clearAfterSeconds ?? 300,
    auto_resolve: rule.autoResolve ?? true,
    built_in: rule.builtIn,
    created_at: now(),
    updated_at: now(),
  }
}
