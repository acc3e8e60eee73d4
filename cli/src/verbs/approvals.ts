import type { Command } from 'commander'
import { say, sayJson, table } from '../print.ts'
import { sayRest } from './organizations.ts'
import { collect, runVerb, verb, wholeNumber, type CommonOptions } from './verb.ts'

interface ListedApproval {
  operation: string
  state: string
  tool: string
  summary: string
  requested_by: { name: string }
  client: string | null
  expires_at: string
}
interface Decided {
  approval: { operation: string; state: string; result: { state: string; code: string; text: string } | null }
}

/** In person on the server's own machine: no key decides anything. */
export function approvalVerbs(program: Command): void {
  verb(program, 'approvals', 'list calls that wait for a second person', 'breeze approvals --state pending')
    .option('--state <state>', 'pending, approved, denied, reported, expired or cancelled; repeat for several', collect)
    .option('--org <organization>', 'only those about it, by id or name')
    .option('--limit <number>', 'how many to show, at most 200', wholeNumber)
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (options: CommonOptions & { state?: string[]; org?: string; limit?: number; cursor?: string }) => {
      const { state, org, limit, cursor } = options
      const data = await runVerb(options, 'list_approvals', { state, organization: org, limit, cursor })
      if (options.json) return sayJson(data)
      const rows = data['approvals'] as ListedApproval[]
      say(
        table(
          ['id', 'state', 'asked by', 'through', 'what', 'until'],
          rows.map((row) => [
            row.operation,
            row.state,
            row.requested_by.name,
            row.client ?? '-',
            row.summary,
            row.expires_at,
          ]),
        ),
      )
      sayRest(data)
    })
  verb(program, 'approve <id>', 'let a held call run, once, as whoever asked for it', 'breeze approve 0197…').action(
    (id: string, options: CommonOptions) => decide(options, id, 'approve'),
  )
  verb(program, 'deny <id>', 'refuse a held call', "breeze deny 0197… --reason 'Not before Friday.'")
    .requiredOption('--reason <text>', 'what whoever asked will read')
    .option('--suspicious', 'report it: the credential that asked is ended, too')
    .action((id: string, options: CommonOptions & { reason: string; suspicious?: boolean }) =>
      decide(options, id, options.suspicious ? 'report' : 'deny', options.reason),
    )
}

async function decide(options: CommonOptions, approval: string, decision: string, reason?: string): Promise<void> {
  const data = await runVerb(options, 'decide_approval', { approval, decision, reason })
  if (options.json) return sayJson(data)
  const { operation, state, result } = (data as unknown as Decided).approval
  say(`${operation} is ${state}.${result && result.code !== 'done' ? ` It did not run: ${result.text}` : ''}`)
}
