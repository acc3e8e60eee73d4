/** Steps before the result: what a device took on, what it started, and what nobody heard of in time. */
import type { Tx } from '../../kernel/db.ts'
import { takeStreamed } from './output.ts'

export interface Step {
  deviceId: string
  commandId: string
  state: 'accepted' | 'started'
  startedAt: Date | null
}

const PATIENCE = `interval '120 seconds'`

// A step that comes after the server gave up hope of delivery is the truth: the command is alive.
const STEPS = `
  update device_commands c set
    state = s.state, started_at = coalesce(s.started_at, c.started_at), finished_at = null, reason = null,
    give_up_at = ${PATIENCE} + make_interval(secs => c.run_seconds) +
      case s.state when 'started' then $5::timestamptz else greatest(c.expires_at, $5::timestamptz) end
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as s (id, device_id, state, started_at)
  where c.id = s.id and c.device_id = s.device_id and c.result_at is null
    and (c.state in ('queued', 'delivered', 'expired') or (c.state = 'accepted' and s.state = 'started'))
  returning c.operation_id`

/** Before anything is written to several of them. Sorted, so that two writers lock in the same order. */
export async function lockCommands(tx: Tx, ids: readonly string[]): Promise<void> {
  const text = 'select from device_commands where id = any ($1::uuid[]) order by id for no key update'
  await tx.prepared('lock_commands', text, [[...new Set(ids)]])
}

/** Answers the operations of which something changed. */
export async function recordSteps(tx: Tx, now: Date, steps: readonly Step[]): Promise<Set<string>> {
  // Of a command that was accepted and started within one batch, the later step counts.
  const latest = [...new Map(steps.map((step) => [`${step.deviceId} ${step.commandId}`, step])).values()]
  const rows = await tx.prepared<{ operation_id: string }>('record_steps', STEPS, [
    latest.map((step) => step.commandId),
    latest.map((step) => step.deviceId),
    latest.map((step) => step.state),
    latest.map((step) => step.startedAt),
    now,
  ])
  return new Set(rows.map((row) => row.operation_id))
}

// What had been streamed by then stays as the output.
const OVERDUE = `
  with overdue as (
    select id from device_commands
    where state in ('queued', 'delivered', 'accepted', 'started') and give_up_at < $1
    order by give_up_at limit $2 for update skip locked),
  ${takeStreamed('select id from overdue')}
  update device_commands c set
    finished_at = $1, output = coalesce(s.text, c.output),
    output_bytes = case when s.text is null then c.output_bytes else c.streamed_bytes end, truncated = coalesce(s.gaps, c.truncated),
    state = case when c.state in ('queued', 'delivered') then 'expired' else 'timed_out' end,
    reason = case c.state
      when 'queued' then 'The device was not reached before the command expired.'
      when 'delivered' then 'The device did not take the command on before it expired.'
      else 'No result came from the device in time.' end
  from overdue left join streamed s on s.command_id = overdue.id where c.id = overdue.id
  returning c.operation_id`

/** Gives up on at most `limit` commands; `more` when there may be others. */
export async function giveUpOverdue(
  tx: Tx,
  now: Date,
  limit: number,
): Promise<{ operations: Set<string>; more: boolean }> {
  const rows = await tx.prepared<{ operation_id: string }>('give_up_commands', OVERDUE, [now, limit])
  return { operations: new Set(rows.map((row) => row.operation_id)), more: rows.length === limit }
}
