/**
 * Calls that are followed after their answer has gone out: what is kept of them, and what became of them. The operation's
 * row is the truth; this keeps what is needed to give the answer that the call itself would have given, at any later time.
 */
import type { Denial } from '@breeze/contract/governance'
import type { ColumnType } from 'kysely'
import type { Walk } from './holds.ts'
import { doneAnswer } from './answers.ts'
import type { Sealer } from './approvals.ts'
import type { Caller } from './caller.ts'
import type { Environment } from './context.ts'
import { query, type Db, type Tx } from './db.ts'
import { notFound } from './errors.ts'
import type { FollowedCall, Outcome } from './kernel.ts'
import type { OperationState } from './operations.ts'
import type { Registry } from './registry.ts'
import type { Kept, Pending, SettleContext } from './tool.ts'

export interface TasksTable {
  operation_id: string
  partner_id: string
  organization_ids: string[]
  kept: Buffer | null
  audit_entry: string | null
  created_at: ColumnType<Date, Date, never>
}
declare module './schema.ts' {
  interface Database {
    tasks: TasksTable
  }
}

/** How long an answer is kept after its act has ended. */
export const KEPT_DAYS = 30
const DAY_MS = 86_400_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface TasksParts {
  db: Db
  sealer: Sealer
  registry: Registry
  environment: Environment
  /** Brings the operation up to date at once where all of its commands have ended; answers whether that changed it. */
  closeIfEnded(operation: string): Promise<boolean>
}

/** Either what the answer is made of, or, of an act that left nothing to look at, the answer. */
type Stored = { kept: Kept } | { outcome: Outcome }

interface Row {
  id: string
  tool: string
  summary: string
  state: OperationState
  started_at: Date | null
  finished_at: Date | null
  created_at: Date
  kept: Buffer | null
  audit_entry: string | null
  expires_at: Date | null
  decision: string | null
  decided_at: Date | null
  decided_by_name: string | null
  decision_reason: string | null
}

const purpose = (operation: string): string => `task ${operation}`

export class Tasks {
  readonly #parts: TasksParts

  constructor(parts: TasksParts) {
    this.#parts = parts
  }

  /** In the transaction that writes the request: it is there before anybody is told of it. */
  async waits({ record, options }: Walk, tx: Tx, operation: string): Promise<void> {
    if (options.followed) await tx.prepared('task_begin', BEGIN, [operation, null, record.startedAt])
  }

  /** In the act's own transaction: an act that goes on can be told of, or it did not happen. */
  async began({ record, options, approved }: Walk, tx: Tx, operation: string, pending: Pending): Promise<void> {
    if (!pending.kept) return
    const kept = this.#sealed(operation, { kept: pending.kept })
    if (options.followed) await tx.prepared('task_begin', BEGIN, [operation, kept, record.startedAt])
    else if (approved) await tx.run(query.updateTable('tasks').set({ kept }).where('operation_id', '=', operation))
  }

  /** Once its answer is ready: whether the act goes on, for a caller that follows it. */
  async goesOn(operation: string, entry: string): Promise<boolean> {
    const { db, closeIfEnded } = this.#parts
    await closeIfEnded(operation)
    return db.worker(async (tx) => {
      await tx.run(query.updateTable('tasks').set({ audit_entry: entry }).where('operation_id', '=', operation))
      const open = query
        .selectFrom('operations')
        .select('id')
        .where('id', '=', operation)
        .where('finished_at', 'is', null)
      return (await tx.first(open)) !== undefined
    })
  }

  /** What came of an approved call once it was let in. */
  async answered(tx: Tx, operation: string, outcome: Outcome): Promise<void> {
    const row = await tx.first(query.selectFrom('tasks').select('kept').where('operation_id', '=', operation))
    if (!row) return
    const update = query.updateTable('tasks').where('operation_id', '=', operation)
    // What is kept by now is the act's own: it is done and goes on, however its answer came out.
    const kept = row.kept ?? this.#sealed(operation, { outcome })
    await tx.run(update.set({ kept, audit_entry: outcome.auditEntry }))
  }

  /** Throws `not_found` alike for what is absent, another's and malformed. */
  async look(caller: Caller, reference: string, settling: SettleContext): Promise<FollowedCall> {
    if (!UUID.test(reference)) throw notFound('operation', reference)
    const read = () => settling.transaction((tx) => tx.first(ownTask(caller, reference.toLowerCase())))
    let row = await read()
    if (row?.state === 'running' && (await this.#parts.closeIfEnded(row.id))) row = await read()
    if (!row) throw notFound('operation', reference)
    const at = row.finished_at ?? row.started_at ?? row.decided_at ?? row.created_at
    const call = {
      operation: row.id,
      tool: row.tool,
      createdAt: row.created_at,
      changedAt: at,
      endedAt: row.finished_at,
    }
    if (row.state === 'awaiting_approval') return { ...call, state: 'waiting', message: waitingText(row) }
    if (row.state === 'cancelled' && row.decision === null)
      return { ...call, state: 'cancelled', message: `Cancelled before it was done. ${row.summary}` }
    const told = { done: 0, total: 0 }
    const outcome = await this.#outcome(row, {
      ...settling,
      progress: (done, total) => Object.assign(told, { done, total }),
    })
    if (row.finished_at) return { ...call, state: 'ended', outcome }
    const message = told.total > 0 ? `${told.done} of ${told.total} devices have finished. ${row.summary}` : row.summary
    return { ...call, state: 'working', message }
  }

  /** The server's own sweep. */
  async forget(): Promise<void> {
    const before = new Date(this.#parts.environment.now().getTime() - KEPT_DAYS * DAY_MS)
    await this.#parts.db.workerStatement('tasks_forget', FORGET, [before])
  }

  async #outcome(row: Row, context: SettleContext): Promise<Outcome> {
    const stored = row.kept && this.#opened(row.id, row.kept)
    if (stored && 'outcome' in stored) return stored.outcome
    const denial = undone(row)
    if (denial) return { status: 'refused', denial, auditEntry: row.audit_entry ?? '' }
    const tool = this.#parts.registry.get(row.tool)
    if (!stored || !tool) return lost(row)
    return doneAnswer(await tool.resume(stored.kept).settle(context), row.audit_entry)
  }

  #sealed(operation: string, stored: Stored): Buffer {
    return this.#parts.sealer.seal(Buffer.from(JSON.stringify(stored)), purpose(operation))
  }

  #opened(operation: string, sealed: Buffer): Stored {
    // Written by `#sealed`, and by nobody else: the seal says so.
    return JSON.parse(this.#parts.sealer.open(sealed, purpose(operation)).toString()) as Stored
  }
}

const BEGIN = `insert into tasks (operation_id, partner_id, organization_ids, kept, created_at)
  select id, partner_id, organization_ids, $2, $3 from operations where id = $1 on conflict (operation_id) do nothing`

/** Bound to the user and the very credential, as a confirmation is. */
const ownTask = (caller: Caller, operation: string) =>
  query
    .selectFrom('tasks as t')
    .innerJoin('operations as o', 'o.id', 't.operation_id')
    .leftJoin('approvals as a', 'a.operation_id', 'o.id')
    .select(['o.id', 'o.tool', 'o.summary', 'o.state', 'o.started_at', 'o.finished_at'])
    .select(['t.created_at', 't.kept', 't.audit_entry'])
    .select(['a.expires_at', 'a.decision', 'a.decided_at', 'a.decided_by_name', 'a.decision_reason'])
    .where('o.id', '=', operation)
    .where('o.user_id', '=', caller.user.id)
    .where('o.credential_kind', '=', caller.credential.kind)
    .where('o.credential_id', '=', caller.credential.id)

function waitingText({ decision, expires_at }: Row): string {
  if (decision === 'approved') return 'Approved by a second person; it is about to run.'
  return `Nothing has run: it waits for a second person until ${expires_at?.toISOString()}.`
}

/** Of a call that never ran: why not. */
function undone(row: Row): Denial | null {
  const remedy = 'Nothing was done. Ask again with a new call if it is still wanted.'
  if (row.state === 'expired')
    return { code: 'confirmation_expired', reason: 'No second person decided about it in time.', remedy }
  if (row.state !== 'cancelled' || row.decision === null) return null
  const why = row.decision_reason ? `: "${row.decision_reason}"` : ''
  const what = row.decision === 'approved' ? 'approved it, and it was cancelled before it ran' : row.decision
  return { code: 'declined', reason: `${row.decided_by_name} ${what}${why}.`, remedy }
}

/** A stop of the server came between the act and its answer. */
const lost = ({ id, tool, state, summary, audit_entry }: Row): Outcome => ({
  status: 'done',
  text: `${tool}: ${state}. ${summary} Its answer was lost in a stop of the server; get_operation "${id}" tells what is known.`,
  data: { operation: id, state },
  auditEntry: audit_entry,
})

const FORGET = `delete from tasks t using operations o
  where o.id = t.operation_id and t.created_at < $1 and o.finished_at < $1`
