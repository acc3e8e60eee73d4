/** What devices say of their commands, written in batches. The one path by which a result enters the database. */
import type { CommandOutcome } from '@breeze/contract/agent-commands'
import { MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import type { Tx } from '../../kernel/db.ts'
import { plausibleTime } from '../../kernel/plausible-time.ts'
import type { StorableData } from './data.ts'
import { takeStreamed } from './output.ts'
import type { CommandState } from './tables.ts'

/**
 * `recorded`: durable now. `duplicate`: the same result was durable before. `ignored`: another real result is durable
 * and stays. `unknown`: no such command of this device; nothing was written.
 */
export type ResultAnswer = 'recorded' | 'duplicate' | 'ignored' | 'unknown'

export interface IncomingResult {
  deviceId: string
  commandId: string
  outcome: CommandOutcome
  data: StorableData
  /** Of the device as it answers; null where it has not told. */
  bootId: string | null
}

interface Known {
  id: string
  device_id: string
  operation_id: string
  state: CommandState
  result_at: Date | null
  exit_code: number | null
  output_bytes: number | null
  at_once: number | null
}

export interface Recorded {
  answers: ResultAnswer[]
  /** Operations of which something changed. */
  operations: Set<string>
  /** Those of them whose commands go out a few at a time: there is room for the next. */
  freed: Set<string>
}

// Sorted, so that two writers lock in the same order.
const LOCK = `
  select id, device_id, operation_id, state, result_at, exit_code, output_bytes, at_once
  from device_commands where id = any ($1::uuid[]) order by id for no key update`

// Where a result has no output, what was streamed, or what was kept of it when the server gave up, is all there is.
const WRITE = `
  with ${takeStreamed('select unnest($1::uuid[])')}
  update device_commands c set
    state = r.state, exit_code = r.exit_code, signal = r.signal, duration_ms = r.duration_ms, data = r.data::jsonb,
    reason = case when r.state = 'cancelled' then coalesce(c.cancel_reason, r.reason) else r.reason end,
    output = coalesce(nullif(r.output, ''), s.text, c.output, r.output), output_bytes = r.output_bytes,
    truncated = case when coalesce(r.output, '') = '' and s.text is not null then s.gaps else r.truncated end,
    started_at = coalesce(r.started_at, c.started_at), finished_at = r.finished_at, result_at = $12,
    boot_before = case when c.type = 'power.reboot' then r.boot_id end
  from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::boolean[],
      $9::bigint[], $10::timestamptz[], $11::timestamptz[], $13::text[], $14::text[])
    as r (id, state, reason, exit_code, signal, output, output_bytes, truncated, duration_ms, started_at, finished_at, data, boot_id)
    left join streamed s on s.command_id = r.id
  where c.id = r.id`

export async function recordResults(tx: Tx, now: Date, incoming: readonly IncomingResult[]): Promise<Recorded> {
  const ids = [...new Set(incoming.map((one) => one.commandId))]
  const rows = await tx.prepared<Known>('lock_results', LOCK, [ids])
  const known = new Map(rows.map((row) => [row.id, row]))
  const operations = new Set<string>()
  const freed = new Set<string>()
  const writes = new Map<string, IncomingResult>()
  const answers = incoming.map((result): ResultAnswer => {
    const { deviceId, commandId, outcome } = result
    const row = known.get(commandId)
    if (!row || row.device_id !== deviceId) return 'unknown'
    const answer = judge(row, outcome)
    if (answer !== 'recorded') return answer
    writes.set(commandId, result)
    operations.add(row.operation_id)
    if (row.at_once !== null) freed.add(row.operation_id)
    known.set(commandId, { ...row, ...summary(outcome), result_at: now })
    return answer
  })
  if (writes.size > 0) await write(tx, now, [...writes.values()])
  return { answers, operations, freed }
}

/** The first real result stays; what the server merely supposed, and `interrupted`, give way to it. */
function judge(row: Known, outcome: CommandOutcome): ResultAnswer {
  if (row.result_at === null) return 'recorded'
  const next = summary(outcome)
  const same = row.state === next.state && row.exit_code === next.exit_code && row.output_bytes === next.output_bytes
  if (same) return 'duplicate'
  return row.state === 'interrupted' ? 'recorded' : 'ignored'
}

function summary(outcome: CommandOutcome): {
  state: CommandState
  exit_code: number | null
  output_bytes: number | null
} {
  return { state: outcome.state, exit_code: outcome.exitCode ?? null, output_bytes: outcome.outputBytes ?? null }
}

async function write(tx: Tx, now: Date, writes: readonly IncomingResult[]): Promise<void> {
  const column = <T>(of: (outcome: CommandOutcome) => T | undefined) => writes.map(({ outcome }) => of(outcome) ?? null)
  const outputs = writes.map(({ outcome }) => boundedOutput(outcome.output))
  await tx.prepared('write_results', WRITE, [
    writes.map(({ commandId }) => commandId),
    column((outcome) => outcome.state),
    writes.map(({ outcome, data }) => [outcome.reason, data.dropped].filter(Boolean).join(' ') || null),
    column((outcome) => outcome.exitCode),
    column((outcome) => outcome.signal),
    outputs.map((output) => output?.text ?? null),
    column((outcome) => outcome.outputBytes),
    writes.map(({ outcome }, index) => outcome.truncated || outputs[index]?.cut || null),
    column((outcome) => outcome.durationMs),
    column((outcome) => plausibleTime(outcome.startedAt)),
    writes.map(({ outcome }) => plausibleTime(outcome.finishedAt) ?? now),
    now,
    writes.map(({ data }) => data.json),
    writes.map(({ bootId }) => bootId),
  ])
}

/** An agent keeps its outputs within the bound; one that doesn't is cut here. */
function boundedOutput(output: string | undefined): { text: string; cut: boolean } | null {
  if (output === undefined) return null
  if (output.length <= MAX_OUTPUT_BYTES && Buffer.byteLength(output) <= MAX_OUTPUT_BYTES)
    return { text: output, cut: false }
  return { text: Buffer.from(output).subarray(0, MAX_OUTPUT_BYTES).toString(), cut: true }
}
