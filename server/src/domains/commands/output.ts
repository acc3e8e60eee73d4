/** Output of commands that still run, piece by piece. The result carries all of it again, so that a lost piece costs nothing. */
import { MAX_CHUNK_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import type { Tx } from '../../kernel/db.ts'

export interface Chunk {
  deviceId: string
  commandId: string
  /** From 0, by one. */
  sequence: number
  text: string
}

/** Pieces of one command: what a flood of tiny ones may cost. */
const MAX_CHUNKS = 2000
const MAX_SEQUENCE = 2_147_483_647

interface Running {
  id: string
  device_id: string
  organization_id: string
  site_id: string
  operation_id: string
  streamed_bytes: number
  streamed_chunks: number
}

// Sorted, so that two writers lock in the same order.
const LOCK = `
  select id, device_id, organization_id, site_id, operation_id, streamed_bytes, streamed_chunks from device_commands
  where id = any ($1::uuid[]) and state in ('delivered', 'accepted', 'started') order by id for no key update`

const APPEND = `
  with added as (
    insert into device_command_output (command_id, sequence, organization_id, site_id, text)
    select * from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::uuid[], $5::text[])
    on conflict (command_id, sequence) do nothing
    returning command_id, octet_length(text) as bytes),
  counted as (select command_id, count(*) as chunks, sum(bytes) as bytes from added group by 1)
  update device_commands c set streamed_chunks = c.streamed_chunks + t.chunks, streamed_bytes = c.streamed_bytes + t.bytes
  from counted t where c.id = t.command_id`

/** Answers the operations of which something changed. What is not an open command of that device is left out. */
export async function appendOutput(tx: Tx, chunks: readonly Chunk[]): Promise<Set<string>> {
  const ids = [...new Set(chunks.map((chunk) => chunk.commandId))]
  const rows = await tx.prepared<Running>('lock_output', LOCK, [ids])
  const running = new Map(rows.map((row) => [row.id, row]))
  const operations = new Set<string>()
  const fitting: { chunk: Chunk; command: Running }[] = []
  for (const chunk of chunks) {
    const command = running.get(chunk.commandId)
    if (!command || command.device_id !== chunk.deviceId || !take(command, chunk)) continue
    fitting.push({ chunk, command })
    operations.add(command.operation_id)
  }
  if (fitting.length > 0) {
    await tx.prepared('append_output', APPEND, [
      fitting.map(({ chunk }) => chunk.commandId),
      fitting.map(({ chunk }) => chunk.sequence),
      fitting.map(({ command }) => command.organization_id),
      fitting.map(({ command }) => command.site_id),
      fitting.map(({ chunk }) => chunk.text),
    ])
  }
  return operations
}

/** Counts it against the command's bounds. A piece that is sent again counts twice here, and not in the database. */
function take(command: Running, { sequence, text }: Chunk): boolean {
  const bytes = Buffer.byteLength(text)
  if (bytes === 0 || bytes > MAX_CHUNK_BYTES * 3 || sequence > MAX_SEQUENCE) return false
  if (command.streamed_chunks >= MAX_CHUNKS || command.streamed_bytes + bytes > MAX_OUTPUT_BYTES) return false
  command.streamed_chunks += 1
  command.streamed_bytes += bytes
  return true
}

/**
 * For a `with`: takes the pieces of the commands that `ids` selects out of their table, joined in order. One that is
 * missing shows as a sequence that is higher than the count.
 */
export const takeStreamed = (ids: string): string => `
  taken as (delete from device_command_output where command_id in (${ids}) returning command_id, sequence, text),
  streamed as (
    select command_id, string_agg(text, '' order by sequence) as text, count(*) <= max(sequence) as gaps
    from taken group by command_id)`
