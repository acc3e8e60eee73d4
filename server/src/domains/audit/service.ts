/** Searching the audit. Rows are read under the caller's own reach; nothing here can change one. */
import { sql } from 'kysely'
import { z } from 'zod'
import { query, type Tx } from '../../kernel/db.ts'
import type { Verification } from '../../kernel/audit/verify.ts'
import './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    audit: { verify(): Promise<Verification> }
  }
}

const COUNTED = 10_000

export interface AuditFilter {
  since: string | undefined
  until: string | undefined
  tools: string[] | undefined
  channels: string[] | undefined
  actor: string | undefined
  credential: string | undefined
  organizationId: string | undefined
  decisions: string[] | undefined
}

/** The parts of an entry's text that are shown; the appender wrote it. */
const body = z.object({
  actor: z.object({ name: z.string() }).nullable(),
  credential: z.object({ kind: z.string(), name: z.string() }).nullable(),
  client: z.string().nullable(),
  action: z.string().nullable(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  duration_ms: z.number().nullable(),
  details: z
    .object({
      operation: z.string(),
      confirmation: z.object({ asked: z.string(), applied: z.string() }),
      confirmed_by: z.string(),
      approval: z.object({ approved_by: z.string().nullable(), reason: z.string().nullish() }),
    })
    .partial()
    .catch({}),
})

/** Why an act was let in, or what it waits for: which confirmation its policy asked for, and who gave it. */
function whyOf({ confirmation, confirmed_by: client, approval }: z.output<typeof body>['details']): string | null {
  if (!confirmation) return null
  const { asked, applied } = confirmation
  const by = approval?.approved_by
  return [
    `policy ${asked}${applied === asked ? '' : `, applied as ${applied}`}`,
    ...(client === undefined ? [] : [client]),
    ...(by ? [`approved by ${by}${approval?.reason ? `: ${approval.reason}` : ''}`] : []),
  ].join('; ')
}

export async function auditPage(
  tx: Tx,
  partnerId: string,
  filter: AuditFilter,
  limit: number,
  after: [string, string] | undefined,
) {
  let page = matching(partnerId, filter).select([
    'id',
    'at',
    'kind',
    'channel',
    'organization_id',
    'tool',
    'tier',
    'decision',
    'outcome',
    'body',
    'payload',
  ])
  if (after) page = page.where(sql<boolean>`(at, id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  const rows = await tx.all(
    page
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1),
  )
  const counted = await tx.first(
    query
      .selectFrom(
        matching(partnerId, filter)
          .select('id')
          .limit(COUNTED + 1)
          .as('some'),
      )
      .select(sql<number>`count(*)`.as('n')),
  )
  const total = counted?.n ?? 0
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    entries: shown.map((row) => {
      const said = body.parse(JSON.parse(row.body))
      return {
        id: row.id,
        at: row.at.toISOString(),
        kind: row.kind,
        actor: said.actor?.name ?? null,
        credential: said.credential ? `${said.credential.kind}: ${said.credential.name}` : null,
        client: said.client,
        channel: row.channel,
        organization: row.organization_id,
        tool: row.tool,
        action: said.action,
        tier: row.tier,
        decision: row.decision,
        outcome: row.outcome,
        code: said.code,
        reason: said.reason,
        why: whyOf(said.details),
        operation: said.details.operation ?? null,
        duration_ms: said.duration_ms,
        input: row.payload,
      }
    }),
    total: Math.min(total, COUNTED),
    isLowerBound: total > COUNTED,
    next: rows.length > limit && last ? [last.at.toISOString(), last.id] : null,
  }
}

function matching(partnerId: string, filter: AuditFilter) {
  let rows = query.selectFrom('audit_entries').where('partner_id', '=', partnerId)
  if (filter.since) rows = rows.where('at', '>=', new Date(filter.since))
  if (filter.until) rows = rows.where('at', '<', new Date(filter.until))
  if (filter.tools) rows = rows.where('tool', 'in', filter.tools)
  if (filter.channels) rows = rows.where('channel', 'in', filter.channels)
  if (filter.actor) rows = rows.where(sql<boolean>`user_id::text = ${filter.actor}`)
  if (filter.credential) rows = rows.where('credential_id', '=', filter.credential)
  if (filter.organizationId) rows = rows.where('organization_id', '=', filter.organizationId)
  if (filter.decisions) rows = rows.where('decision', 'in', filter.decisions)
  return rows
}
