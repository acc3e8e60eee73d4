/** Outcomes and refusals as plain HTTP, for REST and for the console. */
import type { Denial, Scope } from '@breeze/contract/governance'
import type { Context } from 'hono'
import type { Outcome } from '../../kernel/kernel.ts'
import type { JsonBody } from '../http/json-body.ts'
import type { HttpEnv } from '../http/types.ts'
import { STATUS } from './status.ts'

/** `challengeOf` names the scope to OAuth clients; sessions have no scopes to ask for. */
export function toolAnswer(c: Context<HttpEnv>, outcome: Outcome, challengeOf?: (scope?: Scope) => string): Response {
  if (outcome.status === 'done') return c.json(outcome.data)
  if (outcome.status === 'held') return c.json({ ...outcome.hold, audit_entry: outcome.auditEntry }, 202)
  const { denial, auditEntry } = outcome
  const headers: Record<string, string> = {}
  if (denial.code === 'insufficient_scope' && challengeOf)
    headers['www-authenticate'] = challengeOf(denial.required_scope)
  return refusal(c, denial, auditEntry, headers)
}

/** The refusal whole under `error`, and its fields once more at the top, where scripts look for them. */
export function refusal(
  c: Context<HttpEnv>,
  denial: Denial,
  auditEntry?: string,
  extra: Record<string, string> = {},
): Response {
  const headers = { ...extra }
  if (denial.retry_after_seconds !== undefined) headers['retry-after'] = String(denial.retry_after_seconds)
  const audit = auditEntry === undefined ? {} : { audit_entry: auditEntry }
  return c.json({ error: denial, ...denial, ...audit }, STATUS[denial.code], headers)
}

export function badBody(c: Context<HttpEnv>, problem: Extract<JsonBody, { ok: false }>['problem']): Response {
  const denial: Denial = {
    code: 'invalid_input',
    reason: REASONS[problem],
    remedy: 'Send the input as one JSON object.',
  }
  if (problem !== 'too_large') return refusal(c, denial)
  return c.json({ error: denial, ...denial }, 413, { connection: 'close' })
}

const REASONS = {
  empty: 'The request body is empty.',
  malformed: 'The request body is not valid JSON.',
  unreadable: 'The request body could not be read.',
  too_deep: 'The JSON is nested too deeply.',
  too_large: 'The request body is over 1 MiB.',
}
