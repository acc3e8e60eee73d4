/** Reading and ending operations: what a call left behind when its answer had gone out. */
import { query, type Db, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import type { OperationState } from '../../kernel/operations.ts'
import { isUuid } from '../../kernel/uuid.ts'

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
  /** Devices that got no command. */
  leftOut: string[]
}

/** Throws `not_found` alike for what is absent, foreign and malformed. */
export async function findOperation(tx: Tx, reference: string): Promise<Operation> {
  if (!isUuid(reference)) throw notFound('operation', reference)
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
    leftOut: row.left_out,
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

/**
 * An operation of commands has ended when each of them has; its state follows from theirs. Those that wait for offline
 * devices, for days perhaps, are passed over, so that however many they are they keep none of the others open.
 */
const close = (which: string) => `with ended as (
    select o.id from operations o
    where o.state = 'running' and o.ends_by_itself and exists (select from device_commands c where c.operation_id = o.id)
      and not exists (select from device_commands c where c.operation_id = o.id and c.state in ('queued', 'delivered', 'accepted', 'started'))
      ${which}
    limit 500)
  update operations o set finished_at = $1, state = case
    when c.good = c.n and o.left_out = '{}' then 'succeeded' when c.cancelled = c.n then 'cancelled' when c.good = 0 then 'failed' else 'partial' end
  from (
    select operation_id, count(*) as n, count(*) filter (where state = 'succeeded') as good,
      count(*) filter (where state = 'cancelled') as cancelled
    from device_commands where operation_id in (select id from ended) group by operation_id) c
  where o.id = c.operation_id and o.state = 'running'`

const CLOSE = close('')
const CLOSE_ONE = close('and o.id = $2')

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

  /** Without waiting for the sweep; answers whether it had ended and was still open. */
  async close(operation: string): Promise<boolean> {
    return (await this.#db.workerStatement('operation_close', CLOSE_ONE, [this.#now(), operation])) > 0
  }

  async sweep(): Promise<void> {
    const now = this.#now()
    await this.#db.workerStatement('operations_expire', EXPIRE, [now])
    await this.#db.workerStatement('operations_close', CLOSE, [now])
  }
}
