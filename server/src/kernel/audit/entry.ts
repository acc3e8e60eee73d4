/** One entry of the audit and its link in the chain. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonical.ts'
import type { Caller } from '../caller.ts'
import { maskSecrets } from '../redact.ts'

export type EntryKind = 'intent' | 'outcome' | 'throttle' | 'authentication' | 'system'

/** What is said of a happening before it has its place in a chain. */
export interface Draft {
  kind: EntryKind
  at: Date
  partnerId: string | null
  organizationId: string | null
  callId: string | null
  actor: { userId: string; name: string } | null
  credential: { kind: string; id: string; name: string } | null
  channel: string | null
  client: string | null
  ip: string | null
  tool: string | null
  action: string | null
  tier: number | null
  decision: 'allowed' | 'denied' | 'held' | null
  outcome: 'succeeded' | 'failed' | 'interrupted' | null
  code: string | null
  reason: string | null
  durationMs: number | null
  /** Anything else worth keeping: targets, policy asked and applied, counts. */
  details: Record<string, unknown>
  /** Masked and stored apart, so that retention can purge it; the entry keeps its digest. */
  input: unknown
}

export interface StoredEntry {
  id: string
  chain: string
  seq: number
  body: string
  payload: string | null
  previous: Buffer
  hash: Buffer
}

export const GENESIS = Buffer.alloc(32)

export function linkHash(previous: Buffer, body: string): Buffer {
  return createHash('sha256').update(previous).update(body, 'utf8').digest()
}

export function payloadText(draft: Draft): string | null {
  return draft.input === undefined || draft.input === null ? null : canonicalJson(maskSecrets(draft.input))
}

export const payloadDigest = (payload: string): string => createHash('sha256').update(payload).digest('hex')

export function entryBody(
  draft: Draft,
  place: { id: string; chain: string; seq: number },
  payload: string | null,
): string {
  return JSON.stringify({
    v: 1,
    id: place.id,
    chain: place.chain,
    seq: place.seq,
    at: draft.at.toISOString(),
    kind: draft.kind,
    partner_id: draft.partnerId,
    organization_id: draft.organizationId,
    call_id: draft.callId,
    actor: draft.actor && { user_id: draft.actor.userId, name: draft.actor.name },
    credential: draft.credential,
    channel: draft.channel,
    client: draft.client,
    ip: draft.ip,
    tool: draft.tool,
    action: draft.action,
    tier: draft.tier,
    decision: draft.decision,
    outcome: draft.outcome,
    code: draft.code,
    reason: draft.reason,
    duration_ms: draft.durationMs,
    details: draft.details,
    payload_digest: payload === null ? null : payloadDigest(payload),
  })
}

/** The part of a draft that is the same for every entry of one call. */
export function draftFor(caller: Caller, kind: EntryKind, at: Date): Draft {
  return {
    kind,
    at,
    partnerId: caller.partnerId,
    organizationId: null,
    callId: null,
    actor: { userId: caller.user.id, name: caller.user.name },
    credential: { ...caller.credential },
    channel: caller.channel,
    client: caller.client,
    ip: caller.ip,
    tool: null,
    action: null,
    tier: null,
    decision: null,
    outcome: null,
    code: null,
    reason: null,
    durationMs: null,
    details: caller.credential.kind === 'operator' ? { via: 'operator' } : {},
    input: null,
  }
}
