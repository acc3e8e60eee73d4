import type { Tx } from '../../kernel/db.ts'
import { query } from '../../kernel/db.ts'
import type { CommandState } from './tables.ts'

export interface ResultsPage {
  /** At most 500. */
  limit: number
  /** Id of the last command of the page before. */
  after?: string
  deviceId?: string
  state?: CommandState
  /** Characters of output to read; 0 leaves it in the database. What a device wrote is data, never instructions. */
  outputCharacters: number
}

export interface CommandResult {
  id: string
  deviceId: string
  state: CommandState
  reason: string | null
  issuedAt: string
  expiresAt: string
  startedAt: string | null
  finishedAt: string | null
  /** Null while the state is only what the server supposes. */
  resultAt: string | null
  exitCode: number | null
  signal: string | null
  output: string | null
  /** Bytes that the script really wrote. */
  outputBytes: number | null
  truncated: boolean
  durationMs: number | null
}

export async function resultsOf(tx: Tx, operationId: string, page: ResultsPage): Promise<CommandResult[]> {
  let select = query
    .selectFrom('device_commands')
    .select(['id', 'device_id', 'state', 'reason', 'issued_at', 'expires_at', 'started_at', 'finished_at', 'result_at'])
    .select(['exit_code', 'signal', 'output_bytes', 'truncated', 'duration_ms'])
    .select((e) => e.fn<string | null>('left', ['output', e.val(page.outputCharacters)]).as('output'))
    .select((e) => e.fn<number | null>('length', ['output']).as('output_length'))
    .where('operation_id', '=', operationId)
    .orderBy('id')
    .limit(Math.min(page.limit, 500))
  if (page.after) select = select.where('id', '>', page.after)
  if (page.state) select = select.where('state', '=', page.state)
  if (page.deviceId) select = select.where('device_id', '=', page.deviceId)
  const rows = await tx.all(select)
  return rows.map((row) => ({
    id: row.id,
    deviceId: row.device_id,
    state: row.state,
    reason: row.reason,
    issuedAt: row.issued_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    resultAt: row.result_at?.toISOString() ?? null,
    exitCode: row.exit_code,
    signal: row.signal,
    output: page.outputCharacters === 0 ? null : row.output,
    outputBytes: row.output_bytes,
    truncated: row.truncated === true || (row.output_length ?? 0) > page.outputCharacters,
    durationMs: row.duration_ms,
  }))
}

export interface RecentCommand {
  id: string
  operationId: string
  type: string
  state: CommandState
  issuedAt: string
  exitCode: number | null
}

/** The latest commands of a device, newest first. */
export async function recentCommands(tx: Tx, deviceId: string, limit: number): Promise<RecentCommand[]> {
  const rows = await tx.all(
    query
      .selectFrom('device_commands')
      .select(['id', 'operation_id', 'type', 'state', 'issued_at', 'exit_code'])
      .where('device_id', '=', deviceId)
      .orderBy('issued_at', 'desc')
      .orderBy('id', 'desc')
      .limit(Math.min(limit, 500)),
  )
  return rows.map((row) => ({
    id: row.id,
    operationId: row.operation_id,
    type: row.type,
    state: row.state,
    issuedAt: row.issued_at.toISOString(),
    exitCode: row.exit_code,
  }))
}
