/** Rules of approval as they are stored, listed and changed. */
import type { Selectable } from 'kysely'
import type { Caller } from '../../../kernel/caller.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { conflict } from '../../../kernel/errors.ts'
import { findNamed, listNamed, type NamedRows, type NamePage } from '../../../kernel/named-rows.ts'
import type { PatchRulesTable } from '../tables.ts'
import { type PatchRule, ruleMatch } from './rules.ts'

/** Per partner. */
const MOST_RULES = 2000

type Row = Pick<Selectable<PatchRulesTable>, 'id' | 'organization_id' | 'name' | 'decision' | 'match' | 'delay_days'>

const ruleOf = (row: Row): PatchRule => ({
  id: row.id,
  organizationId: row.organization_id,
  name: row.name,
  decision: row.decision,
  match: ruleMatch.parse(row.match),
  delayDays: row.delay_days,
})

/** Those that count in these organizations, the partner's included, whoever asks. */
export async function rulesFor(tx: Tx, organizationIds: readonly string[]): Promise<PatchRule[]> {
  return (await tx.prepared<Row>('patch_rules_for', 'select * from patch_rules_for($1)', [organizationIds])).map(ruleOf)
}

const storedRules = () => query.selectFrom('patch_rules').selectAll()

/** By id or name, within what the transaction sees. */
export const findRule = async (tx: Tx, reference: string): Promise<PatchRule> =>
  ruleOf(await findNamed(tx, 'patch rule', storedRules(), reference))

export async function listRules(tx: Tx, caller: Caller, page: NamePage): Promise<NamedRows<PatchRule>> {
  const { rows, ...rest } = await listNamed(tx, storedRules().where('partner_id', '=', caller.partnerId), page)
  return { rows: rows.map(ruleOf), ...rest }
}

export interface RuleChange {
  at: Date
  by: string
}
const stored = (rule: PatchRule, { at, by }: RuleChange) => ({
  name: rule.name,
  decision: rule.decision,
  match: JSON.stringify(rule.match),
  delay_days: rule.delayDays,
  updated_at: at,
  updated_by: by,
})

export async function addRule(tx: Tx, partnerId: string, rule: PatchRule, change: RuleChange): Promise<void> {
  const counted = await tx.first(
    query
      .selectFrom('patch_rules')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('partner_id', '=', partnerId),
  )
  if ((counted?.n ?? 0) >= MOST_RULES) throw conflict(`There are ${MOST_RULES} patch rules already.`, 'Delete some.')
  const place = { id: rule.id, partner_id: partnerId, organization_id: rule.organizationId }
  await tx.run(query.insertInto('patch_rules').values({ ...place, ...stored(rule, change) }))
}

export async function changeRule(tx: Tx, rule: PatchRule, change: RuleChange): Promise<void> {
  await tx.run(query.updateTable('patch_rules').set(stored(rule, change)).where('id', '=', rule.id))
}

export async function deleteRule(tx: Tx, id: string): Promise<void> {
  await tx.run(query.deleteFrom('patch_rules').where('id', '=', id))
}
