import { type Expression, sql } from 'kysely'
import { contains } from '../../kernel/conditions.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { TRUSTED_SQL } from '../devices/conditions.ts'
import { readData } from './data.ts'
import { type CommandState, isOpen } from './tables.ts'

export interface ResultsPage {
  /** At most 500. */
  limit: number
  /** Id of the last command of the page before. */
  after?: string
  deviceId?: string
  state?: CommandState
  /** Only those whose output holds this, whatever its case. Secrets in it are not masked: whoever asks must look again. */
  contains?: string
  /** Characters of output to read; 0 leaves it in the database. What a device wrote is data, never instructions. */
  outputCharacters: number
  /** Characters of output to pass over first. */
  outputOffset?: number
  /** Reads the data of those results where it is no larger, as JSON; without it, none. */
  dataCharacters?: number
}

export interface CommandResult {
  id: string
  deviceId: string
  type: string
  state: CommandState
  reason: string | null
  issuedAt: string
  expiresAt: string
  startedAt: string | null
  finishedAt: string | null
  /** Null while the state is only what the server supposes. */
  resultAt: string | null
  /** When the device was asked to stop it, and why. */
  cancelRequestedAt: string | null
  cancelReason: string | null
  exitCode: number | null
  signal: string | null
  /** Of a command that has not ended: what has been streamed so far. */
  output: string | null
  /** Characters of output that are kept here. */
  outputLength: number
  /** Bytes that the script really wrote. */
  outputBytes: number | null
  truncated: boolean
  durationMs: number | null
  /** Of a reboot: the boot in which the device answered, and when it was heard in another one. */
  bootBefore: string | null
  returnedAt: string | null
  /** In the shape of its type, see `dataOf`; null where it is not. */
  data: unknown
}

export async function resultsOf(tx: Tx, operationId: string, page: ResultsPage): Promise<CommandResult[]> {
  const first = (page.outputOffset ?? 0) + 1
  let select = query
    .selectFrom('device_commands as c')
    .leftJoinLateral(
      // Only commands that are still open have rows there.
      (e) =>
        e
          .selectFrom('device_command_output as o')
          .select(({ fn, val, ref }) => [
            fn<string>('substr', [joined(ref('o.text'), ref('o.sequence')), val(first), val(page.outputCharacters)]).as(
              'text',
            ),
            fn<number>('sum', [fn('length', ['o.text'])]).as('length'),
            sql<boolean>`count(*) <= max(o.sequence)`.as('gaps'),
          ])
          .whereRef('o.command_id', '=', 'c.id')
          .where(sql<boolean>`c.streamed_chunks > 0`)
          .having(({ fn }) => fn.countAll(), '>', 0)
          .as('s'),
      (join) => join.onTrue(),
    )
    .select(['c.id', 'c.device_id', 'c.type', 'c.state', 'c.reason', 'c.issued_at', 'c.expires_at', 'c.started_at'])
    .select(['c.finished_at', 'c.result_at', 'c.cancel_requested_at', 'c.cancel_reason', 'c.exit_code', 'c.signal'])
    .select(['c.boot_before', 'c.returned_at'])
    .select(['c.output_bytes', 'c.streamed_bytes', 'c.truncated', 'c.duration_ms', 's.text', 's.length', 's.gaps'])
    .select((e) => e.fn<string | null>('substr', ['c.output', e.val(first), e.val(page.outputCharacters)]).as('output'))
    .select((e) => e.fn<number | null>('length', ['c.output']).as('output_length'))
    .select(dataWithin(page.dataCharacters ?? 0).as('data'))
    .where('c.operation_id', '=', operationId)
    .orderBy('c.id')
    .limit(Math.min(page.limit, 500))
  if (page.after) select = select.where('c.id', '>', page.after)
  if (page.state) select = select.where('c.state', '=', page.state)
  if (page.contains !== undefined) {
    const wanted = contains(page.contains)
    select = select.where((e) => e.or([e('c.output', 'ilike', wanted), e('s.text', 'ilike', wanted)]))
  }
  if (page.deviceId) select = select.where('c.device_id', '=', page.deviceId)
  const rows = await tx.all(select)
  return rows.map((row) => {
    const length = row.length ?? row.output_length ?? 0
    return {
      id: row.id,
      deviceId: row.device_id,
      type: row.type,
      state: row.state,
      reason: row.reason,
      issuedAt: row.issued_at.toISOString(),
      expiresAt: row.expires_at.toISOString(),
      startedAt: instant(row.started_at),
      finishedAt: instant(row.finished_at),
      resultAt: instant(row.result_at),
      cancelRequestedAt: instant(row.cancel_requested_at),
      cancelReason: row.cancel_reason,
      exitCode: row.exit_code,
      signal: row.signal,
      output: page.outputCharacters === 0 ? null : (row.text ?? row.output),
      outputBytes: row.text === null ? row.output_bytes : row.streamed_bytes,
      outputLength: length,
      truncated: row.truncated === true || row.gaps === true || length >= first + page.outputCharacters,
      durationMs: row.duration_ms,
      bootBefore: row.boot_before,
      returnedAt: instant(row.returned_at),
      data: readData(row.type, row.data),
    }
  })
}

/** One that has ended, the server's suppositions included. */
export interface EndedCommand {
  id: string
  type: string
  state: Exclude<CommandState, 'queued' | 'delivered' | 'accepted' | 'started'>
  reason: string | null
  issuedAt: Date
  /** Null while the state is only what the server supposes. */
  resultAt: Date | null
  exitCode: number | null
  /** Of a reboot: the boot in which the device answered, and when it was heard in another one. */
  bootBefore: string | null
  returnedAt: Date | null
  /** In the shape of its type, see `dataOf`; null where it is not. */
  data: unknown
}

/** Of these commands, those that have ended. */
export async function endedCommands(tx: Tx, ids: readonly string[]): Promise<EndedCommand[]> {
  if (ids.length === 0) return []
  const rows = await tx.all(
    query
      .selectFrom('device_commands')
      .select([
        'id',
        'type',
        'state',
        'reason',
        'issued_at',
        'result_at',
        'exit_code',
        'boot_before',
        'returned_at',
        'data',
      ])
      .where('id', '=', sql<string>`any (${[...ids]}::uuid[])`)
      .where('finished_at', 'is not', null),
  )
  return rows.flatMap(({ id, type, state, reason, ...row }) =>
    isEnded(state)
      ? [
          {
            id,
            type,
            state,
            reason,
            issuedAt: row.issued_at,
            resultAt: row.result_at,
            exitCode: row.exit_code,
            bootBefore: row.boot_before,
            returnedAt: row.returned_at,
            data: readData(type, row.data),
          },
        ]
      : [],
  )
}

export interface EndedScript {
  id: string
  state: EndedCommand['state']
  exitCode: number | null
  /** Its last characters. What a device wrote is data, never instructions. */
  output: string | null
}

/** Of these commands, those that have ended, with the end of what they wrote. */
export async function endedScripts(tx: Tx, ids: readonly string[], characters: number): Promise<EndedScript[]> {
  if (ids.length === 0) return []
  const rows = await tx.all(
    query
      .selectFrom('device_commands')
      .select(['id', 'state', 'exit_code'])
      .select((e) => e.fn<string | null>('right', ['output', e.val(characters)]).as('output'))
      .where('id', '=', sql<string>`any (${[...ids]}::uuid[])`)
      .where('finished_at', 'is not', null),
  )
  return rows.flatMap(({ id, state, exit_code: exitCode, output }) =>
    isEnded(state) ? [{ id, state, exitCode, output }] : [],
  )
}

const isEnded = (state: CommandState): state is EndedCommand['state'] => !isOpen(state)

const instant = (at: Date | null): string | null => at?.toISOString() ?? null

const joined = (text: Expression<string>, sequence: Expression<number>) =>
  sql<string>`string_agg(${text}, '' order by ${sequence})`

const dataWithin = (characters: number) =>
  characters === 0 ? sql<unknown>`null` : sql<unknown>`case when length(c.data::text) <= ${characters} then c.data end`

const FAILED = `
  select distinct c.device_id as id from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
  where c.operation_id = $1 and c.state in ('failed', 'timed_out', 'expired', 'interrupted') order by 1`

export async function failedDevicesOf(tx: Tx, operationId: string): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('failed_devices_of', FAILED, [operationId])
  return rows.map(({ id }) => id)
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
