/** Acts of tier 3 on devices without an agent: they are queued and answer at once. */
import type { Caller } from '../../src/kernel/caller.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import type { Harness } from '../harness.ts'

export interface Held {
  operation: string
  token: string
  auditEntry: string
}

/** Asks for an act that its policy holds; anything else fails the test. */
export async function hold(world: Harness, caller: Caller, tool: string, input: object): Promise<Held> {
  const outcome = await world.invoke(caller, tool, input)
  if (outcome.status !== 'held' || !outcome.hold.confirmation)
    throw new Error(`${tool} was not held: ${JSON.stringify(outcome)}`)
  return { operation: outcome.hold.operation, token: outcome.hold.confirmation.token, auditEntry: outcome.auditEntry }
}

export const codeOf = (outcome: Outcome): string => ('denial' in outcome ? outcome.denial.code : outcome.status)

export async function commandsOf(world: Harness, operation: string): Promise<string[]> {
  const rows = await world.sql<{ device_id: string }>(
    'select device_id from device_commands where operation_id = $1 order by device_id',
    [operation],
  )
  return rows.map((row) => row.device_id)
}

export async function stateOf(world: Harness, operation: string): Promise<string | undefined> {
  const rows = await world.sql<{ state: string }>('select state from operations where id = $1', [operation])
  return rows[0]?.state
}

export interface AuditBody {
  id: string
  kind: string
  decision: string | null
  outcome: string | null
  code: string | null
  organization_id: string | null
  call_id: string | null
  details: Record<string, unknown>
}

export async function auditBody(world: Harness, id: string): Promise<AuditBody | undefined> {
  const rows = await world.sql<{ body: string }>('select body from audit_entries where id = $1', [id])
  return rows[0] && (JSON.parse(rows[0].body) as AuditBody)
}
