/** Rules of approval as they are stored, listed and changed. */
import { type Selectable, sql } from 'kysely'
import { MOST_COUNTED } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { ambiguous, conflict, notFound } from '../../../kernel/errors.ts'
import { containing, isUuid, type NamePosition, nextName } from '../../organizations/service.ts'
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

/** By id or name, within what the transaction sees. */
export async function findRule(tx: Tx, reference: string): Promise<PatchRule> {
  const select = query.selectFrom('patch_rules').selectAll().orderBy('id').limit(20)
  const rows = await tx.all(
    isUuid(reference)
      ? select.where('id', '=', reference.toLowerCase())
      : select.where(sql<boolean>`lower(name) = lower(${reference})`),
  )
  const [row, ...others] = rows
  if (!row) throw notFound('patch rule', reference)
  if (others.length === 0) return ruleOf(row)
  throw ambiguous(
    'patch rule',
    reference,
    rows.map(({ id, name }) => ({ id, name })),
  )
}

export async function listRules(
  tx: Tx,
  caller: Caller,
  { text, limit, after }: { text?: string | undefined; limit: number; after?: NamePosition | undefined },
) {
  let base = query.selectFrom('patch_rules').where('partner_id', '=', caller.partnerId)
  if (text !== undefined) base = base.where('name', 'ilike', containing(text))
  let page = base
    .selectAll()
    .select(sql<string>`lower(name)`.as('sort_name'))
    .orderBy(sql`lower(name)`)
    .orderBy('id')
    .limit(limit + 1)
  if (after) page = page.where(sql<boolean>`(lower(name), id) > (${after[0]}, ${after[1]}::uuid)`)
  const rows = await tx.all(page)
  const some = base.select('id').limit(MOST_COUNTED + 1)
  const counted = await tx.first(query.selectFrom(some.as('some')).select((e) => e.fn.countAll<number>().as('n')))
  return { rules: rows.slice(0, limit).map(ruleOf), counted: counted?.n ?? 0, next: nextName(rows, limit) }
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
