/** Reading and ending operations: what a call left behind when its answer had gone out. */
import { query, type Db, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import type { OperationState } from '../../kernel/operations.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface Operation {
  id: string
  tool: string
  action: string | null
  tier: number
  state: OperationState
  summary: string
  userId: string
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  confirmationExpiresAt: Date | null
  targets: number
  organizationIds: string[]
}

/** Throws `not_found` alike for what is absent, foreign and malformed. */
export async function findOperation(tx: Tx, reference: string): Promise<Operation> {
  if (!UUID.test(reference)) throw notFound('operation', reference)
  const row = await tx.first(query.selectFrom('operations').selectAll().where('id', '=', reference.toLowerCase()))
  if (!row) throw notFound('operation', reference)
  return {
    id: row.id,
    tool: row.tool,
    action: row.action,
    tier: row.tier,
    state: row.state,
    summary: row.summary,
    userId: row.user_id,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    confirmationExpiresAt: row.confirmation_expires_at,
    targets: row.target_ids.length,
    organizationIds: row.organization_ids,
  }
}

export async function cancelOperation(tx: Tx, id: string, now: Date): Promise<boolean> {
  const changed = await tx.run(
    query
      .updateTable('operations')
      .set({ state: 'cancelled', finished_at: now })
      .where('id', '=', id)
      .where('state', 'in', ['awaiting_confirmation', 'awaiting_approval']),
  )
  return changed > 0
}

/** An operation of commands has ended when each of them has; its state follows from theirs. */
const CLOSE = `update operations o set finished_at = $1, state = case
    when c.good = c.n then 'succeeded' when c.cancelled = c.n then 'cancelled' when c.good = 0 then 'failed' else 'partial' end
  from (
    select operation_id, count(*) as n, count(*) filter (where state = 'succeeded') as good,
      count(*) filter (where state = 'cancelled') as cancelled,
      count(*) filter (where state in ('queued', 'delivered', 'accepted', 'started')) as open
    from device_commands where operation_id = any ($2::uuid[]) group by operation_id) c
  where o.id = c.operation_id and c.open = 0 and o.state = 'running'`

const RUNNING = `select id from operations where state = 'running' order by id limit 500`
const EXPIRE = `update operations set state = 'expired', finished_at = $1
  where state = 'awaiting_confirmation' and confirmation_expires_at < $1`

/** The server's own sweep: finishes what has ended and expires what nobody confirmed. */
export class OperationKeeper {
  readonly #db: Db
  readonly #now: () => Date

  constructor(db: Db, now: () => Date) {
    this.#db = db
    this.#now = now
  }

  async sweep(): Promise<void> {
    const now = this.#now()
    await this.#db.workerStatement('operations_expire', EXPIRE, [now])
    const running = await this.#db.worker((tx) => tx.prepared<{ id: string }>('operations_running', RUNNING, []))
    if (running.length > 0)
      await this.#db.workerStatement('operations_close', CLOSE, [now, running.map((row) => row.id)])
  }
}
