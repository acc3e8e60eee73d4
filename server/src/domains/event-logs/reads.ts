import { LOG_LEVELS, type LogEntry } from '@breeze/contract/agent-commands'
import { sql } from 'kysely'
import { query, type Tx } from '../../kernel/db.ts'

export interface EventSearch {
  log: string
  /** This level and the more severe ones. */
  level?: (typeof LOG_LEVELS)[number] | undefined
  since?: Date | undefined
  /** Part of the message, whatever its case. */
  text?: string | undefined
  limit: number
}

export interface ShippedEvents {
  /** Newest first. */
  entries: LogEntry[]
  more: boolean
  /** When the device sent the last entry of any log; null where none is kept. */
  lastReceivedAt: string | null
}

export async function latestEvents(tx: Tx, deviceId: string, search: EventSearch): Promise<ShippedEvents> {
  const { log, level, since, text, limit } = search
  let matching = query
    .selectFrom('device_events')
    .select(['at', 'level', 'source', 'program', 'message', 'count'])
    .where('device_id', '=', deviceId)
    .where('log', '=', log)
  if (level) matching = matching.where('level', 'in', LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1))
  if (since) matching = matching.where('at', '>=', since)
  if (text !== undefined) matching = matching.where(sql<boolean>`strpos(lower(message), lower(${text})) > 0`)
  const rows = await tx.all(
    matching
      .orderBy('at', 'desc')
      .orderBy('sequence', 'desc')
      .limit(limit + 1),
  )
  const last = await tx.first(
    query
      .selectFrom('device_events')
      .select((select) => select.fn.max('received_at').as('at'))
      .where('device_id', '=', deviceId),
  )
  return {
    entries: rows.slice(0, limit).map((row) => ({
      at: row.at.toISOString(),
      level: row.level,
      source: row.program ?? row.source,
      message: row.count === 1 ? row.message : `${row.message} (and ${row.count - 1} more)`,
    })),
    more: rows.length > limit,
    lastReceivedAt: last?.at?.toISOString() ?? null,
  }
}
