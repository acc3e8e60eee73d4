/** Rules as people see and change them. What is enabled here, the engine reads with its next round. */
import { type Selectable, sql } from 'kysely'
import type { Caller } from '../../kernel/caller.ts'
import type { Environment } from '../../kernel/context.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { findNamed, listNamed, type NamedRows, type NamePage } from '../../kernel/named-rows.ts'
import { DEFAULT_RULES } from './default-rules.ts'
import { rowOf } from './rule-rows.ts'
import type { AlertRulesTable, Severity } from './tables.ts'

export type StoredRule = Selectable<AlertRulesTable>

export interface RuleFilter {
  text?: string | undefined
  signals?: readonly string[] | undefined
  organizationId?: string | undefined
  enabled?: boolean | undefined
}

const rulesOf = (partnerId: string) => query.selectFrom('alert_rules').selectAll().where('partner_id', '=', partnerId)

/** By name. */
export function listRules(
  tx: Tx,
  partnerId: string,
  { text, signals, organizationId, enabled }: RuleFilter,
  page: Omit<NamePage, 'text'>,
): Promise<NamedRows<StoredRule>> {
  let rules = rulesOf(partnerId)
  if (signals) rules = rules.where('signal', 'in', signals)
  if (organizationId !== undefined) rules = rules.where('organization_id', '=', organizationId)
  if (enabled !== undefined) rules = rules.where('enabled', '=', enabled)
  return listNamed(tx, rules, { ...page, text })
}

/** By id or name; a name that several bear answers with the candidates. */
export const findRule = (tx: Tx, caller: Caller, reference: string): Promise<StoredRule> =>
  findNamed(tx, 'alert rule', rulesOf(caller.partnerId), reference, ({ organization_id: of }) =>
    of === null ? 'of every organization' : (caller.organizations.get(of)?.name ?? of),
  )

export async function isNameTaken(
  tx: Tx,
  partnerId: string,
  organizationId: string | null,
  name: string,
): Promise<boolean> {
  const same = query
    .selectFrom('alert_rules')
    .select('id')
    .where('partner_id', '=', partnerId)
    .where('organization_id', 'is not distinct from', organizationId)
    .where(sql<boolean>`lower(name) = lower(${name})`)
  return (await tx.first(same)) !== undefined
}

export interface RuleValues {
  name: string
  condition: unknown
  scope: unknown
  severity: Severity
  fire_after_seconds: number
  clear_after_seconds: number
  auto_resolve: boolean
  notify: boolean
  enabled: boolean
}

interface Change {
  at: Date
  by: string
}

export async function addRule(
  tx: Tx,
  rule: RuleValues & { id: string; partnerId: string; organizationId: string | null; signal: string },
  { at, by }: Change,
): Promise<void> {
  const { partnerId, organizationId, ...values } = rule
  await tx.run(
    query.insertInto('alert_rules').values({
      ...values,
      condition: JSON.stringify(values.condition),
      scope: JSON.stringify(values.scope),
      partner_id: partnerId,
      organization_id: organizationId,
      created_at: at,
      updated_at: at,
      updated_by: by,
    }),
  )
}

/** Only what is given; as JSON what is kept so. */
const stored = ({ condition, scope, ...plain }: Partial<RuleValues>) => ({
  ...plain,
  ...(condition !== undefined && { condition: JSON.stringify(condition) }),
  ...(scope !== undefined && { scope: JSON.stringify(scope) }),
})

/** `version`: the rule as it was looked at. Somebody else's change in between is not overwritten. */
export async function changeRule(
  tx: Tx,
  { id, version }: Pick<StoredRule, 'id' | 'version'>,
  values: Partial<RuleValues>,
  { at, by }: Change,
): Promise<void> {
  const changed = await tx.run(
    query
      .updateTable('alert_rules')
      .set({ ...stored(values), version: version + 1, updated_at: at, updated_by: by })
      .where('id', '=', id)
      .where('version', '=', version),
  )
  if (changed === 0) throw conflict('Somebody else changed this rule at the same moment.', 'Look at it and try again.')
}

export async function deleteRule(tx: Tx, id: string): Promise<void> {
  await tx.run(query.deleteFrom('alert_rules').where('id', '=', id))
}

/** The default rule of that name, or whose changed row this is; null where it is none. */
export function defaultRule(reference: string) {
  const wanted = reference.toLowerCase()
  return DEFAULT_RULES.find(({ builtIn, name }) => builtIn === wanted || name.toLowerCase() === wanted) ?? null
}

/** As it came with Breeze, whether it was changed or deleted. Answers its row. */
export async function restoreRule(
  tx: Tx,
  rule: NonNullable<ReturnType<typeof defaultRule>>,
  partnerId: string,
  environment: Pick<Environment, 'now' | 'newId'>,
  by: string,
): Promise<StoredRule> {
  const { id, created_at: createdAt, ...values } = rowOf(rule, partnerId, environment)
  const as = { ...values, notify: true, enabled: true, updated_by: by }
  const row = await tx.first(
    query
      .insertInto('alert_rules')
      .values({ ...as, id, created_at: createdAt })
      .onConflict((clash) =>
        clash
          .columns(['partner_id', 'built_in'])
          .where('built_in', 'is not', null)
          .doUpdateSet({ ...as, version: sql`alert_rules.version + 1` }),
      )
      .returningAll(),
  )
  if (!row) throw new Error('a restored rule has its row')
  return row
}
