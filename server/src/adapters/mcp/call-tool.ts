/** Behind `tools/call` in every era and on every leg: invoke, then translate the outcome. */
import { type CallToolResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Denial } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import type { Hold, InvokeOptions, Kernel, Outcome } from '../../kernel/kernel.ts'
import { type Metrics, countCall } from '../http/metrics.ts'

export interface ToolCall {
  caller: Caller
  name: string
  input: unknown
  /** Ends the waiting when the client has gone or cancelled; never the work. */
  signal?: AbortSignal
  canAsk?: boolean
  answered?: InvokeOptions['answered']
  followed?: boolean
  onProgress?: InvokeOptions['onProgress']
}

export async function invokeTool(deps: { kernel: Kernel; metrics: Metrics }, call: ToolCall): Promise<Outcome> {
  const { caller, name, input, ...options } = call
  const outcome = await deps.kernel.invoke(caller, name, input, { ...options, surface: 'mcp' })
  countCall(deps.metrics, name, caller.channel, outcome)
  return outcome
}

/** Throws for an unknown tool, which every revision answers with a protocol error; all else is a result. */
export function translate(name: string, outcome: Outcome): CallToolResult {
  switch (outcome.status) {
    case 'done':
      return reply(withAuditEntry(outcome.text, outcome.auditEntry), outcome.data)
    case 'held':
      return reply(heldText(name, outcome.text, outcome.hold, outcome.auditEntry), {
        ...outcome.hold,
        audit_entry: outcome.auditEntry,
      })
    case 'refused':
    case 'failed': {
      const details = { ...outcome.denial, audit_entry: outcome.auditEntry }
      if (outcome.denial.code === 'unknown_tool') {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, outcome.denial.reason, details)
      }
      return { ...reply(denialText(outcome.status, outcome.denial, outcome.auditEntry), details), isError: true }
    }
  }
}

function reply(text: string, structured: Readonly<Record<string, unknown>>): CallToolResult {
  return { content: [{ type: 'text', text }], structuredContent: structured }
}

function heldText(name: string, text: string, hold: Hold, auditEntry: string): string {
  const lines = [text]
  if (hold.state === 'approval_required' && !text.includes(hold.operation)) {
    lines.push(
      `Nothing has run. A second person must approve operation ${hold.operation} in the Breeze console; ` +
        `get_operation with that id tells what became of it.`,
    )
  } else if (hold.confirmation && !text.includes(hold.confirmation.token)) {
    lines.push(
      `Nothing has run. To confirm, call ${name} again with exactly the same input and ` +
        `confirmation: "${hold.confirmation.token}" before ${hold.confirmation.expires_at}.`,
    )
  }
  return withAuditEntry(lines.join('\n\n'), auditEntry)
}

function denialText(status: 'refused' | 'failed', denial: Denial, auditEntry: string): string {
  const lines = [
    `${status === 'refused' ? 'Refused' : 'Failed'} (${denial.code}): ${denial.reason}`,
    `What to do: ${denial.remedy}`,
  ]
  if (denial.required_scope) lines.push(`Required scope: ${denial.required_scope}`)
  if (denial.retry_after_seconds !== undefined) lines.push(`Retry after: ${denial.retry_after_seconds} seconds`)
  for (const candidate of denial.candidates ?? []) {
    lines.push(`- ${candidate.name} (id ${candidate.id})${candidate.detail ? `, ${candidate.detail}` : ''}`)
  }
  return withAuditEntry(lines.join('\n'), auditEntry)
}

function withAuditEntry(text: string, auditEntry: string | null): string {
  return auditEntry === null || text.includes(auditEntry) ? text : `${text}\n\nAudit entry: ${auditEntry}`
}
