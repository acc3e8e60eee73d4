/** Confirmation policies: one per organization (or the partner), area, tier and tool. */
import type { Area, ConfirmationPolicy } from '@breeze/contract/governance'
import { sql } from 'kysely'
import { organizationsWith } from '../../domains/organizations/service.ts'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import type { PolicyRule } from '../../kernel/gates/confirmation.ts'
import { countRows } from '../../kernel/totals.ts'
import '../tables.ts'

/** What a policy is about; null stands for all. */
export interface PolicySubject {
  organizationId: string | null
  area: Area | null
  tier: 2 | 3 | null
  tool: string | null
}

const NONE = '00000000-0000-0000-0000-000000000000'

export async function findPolicy(tx: Tx, partnerId: string, subject: PolicySubject) {
  return tx.first(
    query
      .selectFrom('confirmation_policies')
      .select(['id', 'policy'])
      .where('partner_id', '=', partnerId)
      .where('organization_id', subject.organizationId === null ? 'is' : '=', subject.organizationId)
      .where('area', subject.area === null ? 'is' : '=', subject.area)
      .where('tier', subject.tier === null ? 'is' : '=', subject.tier)
      .where('tool', subject.tool === null ? 'is' : '=', subject.tool),
  )
}

/** `default` takes the row away, so that the next less specific rule decides again. */
export async function storePolicy(
  tx: Tx,
  row: PolicySubject & { id: string; partnerId: string },
  policy: ConfirmationPolicy | 'default',
): Promise<void> {
  const existing = await findPolicy(tx, row.partnerId, row)
  if (policy === 'default') {
    if (existing) await tx.run(query.deleteFrom('confirmation_policies').where('id', '=', existing.id))
  } else if (existing) {
    await tx.run(query.updateTable('confirmation_policies').set({ policy }).where('id', '=', existing.id))
  } else {
    const { id, partnerId: partner_id, organizationId: organization_id, area, tier, tool } = row
    await tx.run(
      query.insertInto('confirmation_policies').values({ id, partner_id, organization_id, area, tier, tool, policy }),
    )
  }
}

/** Every rule that can decide about a call in this organization, or (null) in none: the partner's too. */
export async function policiesOf(tx: Tx, organizationId: string | null): Promise<PolicyRule[]> {
  const text = 'select organization_id, area, tier, tool, policy from confirmation_policies_of($1)'
  return tx.prepared<PolicyRule>('confirmation_policies_of', text, [organizationId])
}

export async function listPolicies(
  tx: Tx,
  caller: Caller,
  filter: { organizationId?: string | undefined },
  limit: number,
  after: [string, string] | undefined,
) {
  const reach = organizationsWith(caller, 'governance.read')
  let base = query
    .selectFrom('confirmation_policies as c')
    .leftJoin('organizations as o', 'o.id', 'c.organization_id')
    .where('c.partner_id', '=', caller.partnerId)
    .where((e) =>
      e.or([
        e('c.organization_id', 'in', reach.length > 0 ? reach : [NONE]),
        ...(caller.partner?.permissions.has('governance.read') ? [e('c.organization_id', 'is', null)] : []),
      ]),
    )
  if (filter.organizationId !== undefined) base = base.where('c.organization_id', '=', filter.organizationId)
  const sortName = sql<string>`lower(coalesce(o.name, ''))`
  let page = base
    .select(['c.id', 'c.organization_id', 'o.name as organization_name', 'c.area', 'c.tier', 'c.tool', 'c.policy'])
    .select(sortName.as('sort_name'))
    .orderBy(sortName)
    .orderBy('c.id')
    .limit(limit + 1)
  if (after) page = page.where(sql<boolean>`(${sortName}, c.id) > (${after[0]}, ${after[1]}::uuid)`)
  const rows = await tx.all(page)
  const counted = await countRows(tx, base.select('c.id'))
  const last = rows[limit - 1]
  const next: [string, string] | null = rows.length > limit && last ? [last.sort_name, last.id] : null
  return { rows: rows.slice(0, limit), counted: counted, next }
}
