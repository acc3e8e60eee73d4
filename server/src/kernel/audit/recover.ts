/** After a crash: every intent of this chain that has no outcome gets one that says so. */
import type { Environment } from '../context.ts'
import type { Db } from '../db.ts'
import type { AuditAppender } from './appender.ts'
import type { Draft } from './entry.ts'

interface OpenIntent {
  id: string
  partner_id: string | null
  organization_id: string | null
  call_id: string
  tool: string | null
  tier: number | null
}

const PAGE = 1000
const OPEN = `select i.id, i.partner_id, i.organization_id, i.call_id, i.tool, i.tier from audit_entries i
  where i.chain = $1 and i.kind = 'intent'
    and not exists (select from audit_entries o where o.call_id = i.call_id and o.kind = 'outcome'
      and o.organization_id is not distinct from i.organization_id)
  order by i.seq limit ${PAGE}`

/** Answers how many were found. Whatever the intents started (commands in the queue) goes on by itself. */
export async function closeInterrupted(db: Db, audit: AuditAppender, environment: Environment): Promise<number> {
  let closed = 0
  for (;;) {
    const open = await db.worker((tx) => tx.prepared<OpenIntent>('audit_open_intents', OPEN, [audit.chain]))
    await Promise.all(open.map((intent) => audit.append(interrupted(intent, environment.now()))))
    closed += open.length
    if (open.length < PAGE) return closed
  }
}

function interrupted(intent: OpenIntent, at: Date): Draft {
  return {
    kind: 'outcome',
    at,
    partnerId: intent.partner_id,
    organizationId: intent.organization_id,
    callId: intent.call_id,
    actor: null,
    credential: null,
    channel: 'system',
    client: null,
    ip: null,
    tool: intent.tool,
    action: null,
    tier: intent.tier,
    decision: 'allowed',
    outcome: 'interrupted',
    code: null,
    reason: 'The server stopped before it could record what became of this call.',
    durationMs: null,
    details: { intent: intent.id },
    input: null,
  }
}
