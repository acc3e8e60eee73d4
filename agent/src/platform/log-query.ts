import type { LOG_LEVELS, LogEntry } from '@breeze/contract/agent-commands'
import { printableLine, printableText } from '../printable.ts'

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogQuery {
  log: string
  level?: LogLevel | undefined
  since?: Date | undefined
  contains?: string | undefined
  limit: number
}

/** Entries of one source, the newest first. */
export type LogEntries = AsyncIterable<LogEntry> | Iterable<LogEntry>

export interface OpenLog {
  /** Where they are read. */
  source: string
  entries: LogEntries
}

export interface LogAnswer {
  source: string
  entries: LogEntry[]
  more: boolean
}

const SEVERITY: readonly LogLevel[] = ['critical', 'error', 'warning', 'info', 'debug']
/** Of syslog(3): emergency, alert and critical are one here, notice is information. */
const BY_PRIORITY: readonly LogLevel[] = [
  'critical',
  'critical',
  'critical',
  'error',
  'warning',
  'info',
  'info',
  'debug',
]

export function levelOfPriority(priority: number): LogLevel | null {
  return BY_PRIORITY[priority] ?? null
}

/** The highest syslog priority number that is still this level. */
export function priorityOfLevel(level: LogLevel): number {
  return BY_PRIORITY.lastIndexOf(level)
}

export function isAtLeast(level: LogLevel, wanted: LogLevel): boolean {
  return SEVERITY.indexOf(level) <= SEVERITY.indexOf(wanted)
}

export function entry(at: Date | null, level: LogLevel | null, source: string, message: string): LogEntry {
  return {
    at: at?.toISOString() ?? null,
    level,
    source: printableLine(source, 200),
    message: printableText(message, 4000),
  }
}

/** The whole answer must fit a frame, beside the same as text. */
const MAX_BYTES = 1_500_000
const PATIENCE_MS = 20_000
/** A clock that was set back makes some entries old among newer ones: so many in a row are the end of what is wanted. */
const OLD_ENOUGH = 200

/** Reads until there is enough, everything wanted was seen, or time is up. */
export async function pick(query: LogQuery, { source, entries }: OpenLog, signal: AbortSignal): Promise<LogAnswer> {
  const deadline = performance.now() + PATIENCE_MS
  const found: LogEntry[] = []
  const wanted = query.contains?.toLowerCase()
  let bytes = 0
  let old = 0
  let unlevelled = false
  const answer = (more: boolean): LogAnswer => ({
    source: unlevelled ? `${source} (which records no levels: all are shown)` : source,
    entries: found,
    more,
  })
  for await (const item of entries) {
    signal.throwIfAborted()
    if (performance.now() > deadline) return answer(true)
    if (query.since && item.at !== null && Date.parse(item.at) < query.since.getTime()) {
      if (++old >= OLD_ENOUGH) break
      continue
    }
    old = 0
    if (query.level && item.level !== null && !isAtLeast(item.level, query.level)) continue
    if (wanted !== undefined && !item.message.toLowerCase().includes(wanted)) continue
    bytes += Buffer.byteLength(JSON.stringify(item))
    if (found.length === query.limit || bytes > MAX_BYTES) return answer(true)
    if (query.level && item.level === null) unlevelled = true
    found.push(item)
  }
  return answer(false)
}

/** Two sources as one, the newest first. What has no time goes with what is around it. */
export async function* mergeNewest(a: LogEntries, b: LogEntries): AsyncGenerator<LogEntry> {
  const left = iterate(a)
  const right = iterate(b)
  try {
    let one = await left.next()
    let two = await right.next()
    while (!one.done || !two.done) {
      const fromLeft = !one.done && (two.done || (one.value.at ?? '9') >= (two.value.at ?? '9'))
      if (!one.done && fromLeft) {
        yield one.value
        one = await left.next()
      } else if (!two.done) {
        yield two.value
        two = await right.next()
      }
    }
  } finally {
    // Whoever reads has enough: the files behind both are closed.
    await left.return(undefined)
    await right.return(undefined)
  }
}

async function* iterate(entries: LogEntries): AsyncGenerator<LogEntry> {
  yield* entries
}
