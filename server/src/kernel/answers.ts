/** What a caller is told in the end. Whatever was stored passes here, so hidden characters stop here. */
import { planText } from './blast-radius.ts'
import type { Outcome } from './kernel.ts'
import { neutraliseAll } from './content/hidden.ts'
import type { Plan, Presentation, PreviewResult } from './tool.ts'

type Done = Extract<Outcome, { status: 'done' }>
type Held = Extract<Outcome, { status: 'held' }>

/** Reads carry no audit entry; acts name theirs in text and data. */
export function doneAnswer(shown: Presentation<Readonly<Record<string, unknown>>>, entry: string | null): Done {
  const { text, data } = neutraliseAll({ text: shown.text, data: shown.data })
  if (entry === null) return { status: 'done', text, data, auditEntry: null }
  return {
    status: 'done',
    text: `${text}\nAudit entry: ${entry}`,
    data: { ...data, audit_entry: entry },
    auditEntry: entry,
  }
}

export function dryRunAnswer(plan: Plan, entry: string): Done {
  return {
    status: 'done',
    text: neutraliseAll(`Dry run, nothing was done.\n${planText(plan)}`),
    data: neutraliseAll({ state: 'dry_run', plan, audit_entry: entry }),
    auditEntry: entry,
  }
}

export function heldAnswer(plan: Plan, held: Pick<PreviewResult, 'operation' | 'confirmation'>, entry: string): Held {
  const { token, expires_at } = held.confirmation
  const text =
    `Nothing was done yet. ${planText(plan)}\n` +
    `To go ahead, repeat the same call with confirmation "${token}" before ${expires_at}; it works once.\n` +
    `Audit entry: ${entry}`
  const hold = {
    state: 'confirmation_required' as const,
    operation: held.operation,
    plan,
    confirmation: held.confirmation,
  }
  return { status: 'held', text: neutraliseAll(text), hold: neutraliseAll(hold), auditEntry: entry }
}

export function awaitingAnswer(plan: Plan, held: WaitingApproval, entry: string): Held {
  const { operation, approval } = held
  const text =
    `Nothing was done yet: a second person must approve this. ${planText(plan)}\n` +
    `They decide at ${approval.url} until ${approval.expires_at}. Then it runs by itself, once; get_operation with ` +
    `"${operation}" tells what became of it.\nAudit entry: ${entry}`
  const hold = { state: 'approval_required' as const, operation, plan, approval }
  return { status: 'held', text: neutraliseAll(text), hold: neutraliseAll(hold), auditEntry: entry }
}

export interface WaitingApproval {
  operation: string
  approval: { expires_at: string; url: string }
}

export const declined = {
  code: 'declined' as const,
  reason: 'The person who was asked did not agree.',
  remedy: 'Nothing was done. Call again only if they want it after all.',
}

export const auditUnavailable = {
  code: 'unavailable' as const,
  reason: 'The audit could not be written, so the call was not completed.',
  remedy: 'Look with get_operation whether anything was started, then try again.',
}
