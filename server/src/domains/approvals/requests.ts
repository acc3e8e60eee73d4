/** Requests for a second person's approval, as those who reach all that they touch see them. */
import { sql } from 'kysely'
import type { Decision } from '../../kernel/approvals.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import '../../kernel/operations.ts'
import type { Plan } from '../../kernel/tool.ts'
import { isUuid } from '../../kernel/uuid.ts'
import { countRows } from '../../kernel/totals.ts'

export const REQUEST_STATES = ['pending', 'approved', 'denied', 'reported', 'expired', 'cancelled'] as const
export type RequestState = (typeof REQUEST_STATES)[number]

export interface ApprovalRequest {
  operation: string
  tool: string
  action: string | null
  tier: number
  summary: string
  /** Masked, for people to read. */
  input: string
  state: RequestState
  operationState: string
  organizationIds: string[]
  siteIds: string[]
  userId: string
  userName: string
  credential: { kind: string; id: string; name: string }
  channel: string
  client: string | null
  ip: string | null
  permission: string
  adminOnly: boolean
  because: 'policy' | 'untrusted_text'
  plan: Plan
  requesterMayDecide: boolean
  requestedAt: Date
  expiresAt: Date
  decision: Decision | null
  decidedAt: Date | null
  decidedBy: string | null
  reason: string | null
  releaseCode: string | null
  releaseText: string | null
}

export interface RequestFilter {
  states?: readonly RequestState[] | undefined
  organizationId?: string | undefined
}

const stateAt = (now: Date) => sql<RequestState>`case
  when a.decision is not null then a.decision
  when o.state = 'awaiting_approval' then case when a.expires_at <= ${now} then 'expired' else 'pending' end
  when o.state = 'expired' then 'expired' else 'cancelled' end`

function requests(now: Date) {
  return query
    .selectFrom('approvals as a')
    .innerJoin('operations as o', 'o.id', 'a.operation_id')
    .selectAll('a')
    .select(['o.tool', 'o.action', 'o.tier', 'o.summary', 'o.input as masked_input', 'o.state as operation_state'])
    .select('o.site_ids')
    .select(stateAt(now).as('state'))
}

export async function listRequests(
  tx: Tx,
  filter: RequestFilter,
  page: { now: Date; limit: number; after: [string, string] | undefined },
) {
  let matching = requests(page.now)
  if (filter.states) matching = matching.where(stateAt(page.now), 'in', [...filter.states])
  if (filter.organizationId !== undefined) {
    matching = matching.where(sql<boolean>`a.organization_ids @> array[${filter.organizationId}::uuid]`)
  }
  const counted = await countRows(tx, matching.clearSelect().select('a.operation_id'))
  let select = matching
    .orderBy('a.requested_at', 'desc')
    .orderBy('a.operation_id', 'desc')
    .limit(page.limit + 1)
  if (page.after) {
    const [at, id] = page.after
    select = select.where(sql<boolean>`(a.requested_at, a.operation_id) < (${at}::timestamptz, ${id}::uuid)`)
  }
  const rows = (await tx.all(select)).map(requestFrom)
  const shown = rows.slice(0, page.limit)
  const last = rows.length > page.limit ? shown.at(-1) : undefined
  const next: [string, string] | null = last ? [last.requestedAt.toISOString(), last.operation] : null
  return { rows: shown, counted: counted, next }
}

/** Throws `not_found` alike for what is absent, foreign and malformed. */
export async function findRequest(tx: Tx, reference: string, now: Date): Promise<ApprovalRequest> {
  const row = await requestOf(tx, reference, now)
  if (!row) throw notFound('approval', reference)
  return row
}

export async function requestOf(tx: Tx, operation: string, now: Date): Promise<ApprovalRequest | null> {
  if (!isUuid(operation)) return null
  const row = await tx.first(requests(now).where('a.operation_id', '=', operation.toLowerCase()))
  return row ? requestFrom(row) : null
}

type Row = Awaited<ReturnType<ReturnType<typeof requests>['execute']>>[number]

const requestFrom = (row: Row): ApprovalRequest => ({
  operation: row.operation_id,
  tool: row.tool,
  action: row.action,
  tier: row.tier,
  summary: row.summary,
  input: row.masked_input,
  state: row.state,
  operationState: row.operation_state,
  organizationIds: row.organization_ids,
  siteIds: row.site_ids,
  userId: row.user_id,
  userName: row.user_name,
  credential: { kind: row.credential_kind, id: row.credential_id, name: row.credential_name },
  channel: row.channel,
  client: row.client,
  ip: row.ip,
  permission: row.permission,
  adminOnly: row.admin_only,
  because: row.because,
  plan: row.plan,
  requesterMayDecide: row.requester_may_decide,
  requestedAt: row.requested_at,
  expiresAt: row.expires_at,
  decision: row.decision,
  decidedAt: row.decided_at,
  decidedBy: row.decided_by_name,
  reason: row.decision_reason,
  releaseCode: row.release_code,
  releaseText: row.release_text,
})
