import { z } from 'zod'
import { planShape } from '../../kernel/tool.ts'
import { REQUEST_STATES, type ApprovalRequest } from './requests.ts'

export const requestShape = z.object({
  operation: z.string(),
  state: z.enum(REQUEST_STATES),
  tool: z.string(),
  action: z.string().nullable(),
  tier: z.number().int(),
  summary: z.string(),
  organizations: z.array(z.object({ id: z.string(), name: z.string() })),
  requested_by: z.object({ id: z.string(), name: z.string() }),
  credential: z.object({ kind: z.string(), name: z.string() }),
  channel: z.string(),
  client: z.string().nullable().describe('As the program calls itself.'),
  because: z.enum(['policy', 'untrusted_text']),
  requested_at: z.string(),
  expires_at: z.string(),
  plan: planShape,
  decision: z.object({ by: z.string(), at: z.string(), reason: z.string().nullable() }).nullable(),
  result: z
    .object({ state: z.string(), code: z.string(), text: z.string() })
    .nullable()
    .describe('Once it was let in.'),
})

export function presentRequest(request: ApprovalRequest, names: ReadonlyMap<string, string>) {
  const { decidedAt, decidedBy, releaseCode, releaseText } = request
  return {
    operation: request.operation,
    state: request.state,
    tool: request.tool,
    action: request.action,
    tier: request.tier,
    summary: request.summary,
    organizations: request.organizationIds.map((id) => ({ id, name: names.get(id) ?? id })),
    requested_by: { id: request.userId, name: request.userName },
    credential: { kind: request.credential.kind, name: request.credential.name },
    channel: request.channel,
    client: request.client,
    because: request.because,
    requested_at: request.requestedAt.toISOString(),
    expires_at: request.expiresAt.toISOString(),
    plan: request.plan,
    decision: decidedAt && decidedBy ? { by: decidedBy, at: decidedAt.toISOString(), reason: request.reason } : null,
    result: releaseCode === null ? null : { state: request.operationState, code: releaseCode, text: releaseText ?? '' },
  }
}

export function requestText(request: ApprovalRequest): string {
  const what = `${request.tool}${request.action ? ` ${request.action}` : ''}`
  const who = `${request.userName} by ${request.client ?? request.channel} (${request.credential.name})`
  const until = request.state === 'pending' ? `, until ${request.expiresAt.toISOString()}` : ''
  return `${request.operation} ${request.state}${until}: ${what}, asked by ${who}. ${request.summary}`
}

/** For whoever asked: what became of it, or how long it still waits. */
export function approvalText(request: ApprovalRequest): string {
  if (request.state === 'pending') return `Waits for a second person until ${request.expiresAt.toISOString()}.`
  if (!request.decision) return `No second person decided: ${request.state}.`
  const refused = request.releaseCode !== null && request.releaseCode !== 'done' ? ` ${request.releaseText}` : ''
  return `${request.decidedBy}: ${request.decision}${request.reason ? `, "${request.reason}"` : ''}.${refused}`
}
