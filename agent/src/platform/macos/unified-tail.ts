import type { LogTail, TailRead } from '../log-tail.ts'
import { PREDICATES, showUnifiedLog } from './unified-log.ts'

/** Entries come into the log a moment late. */
const SETTLED_SECONDS = 3
/** `log show` reads on from the time at which it ended; of a longer absence the last part counts. */
const MOST_SECONDS = 3600

/** Positions are whole seconds: each is read once, when it is over. */
export function macosTail(log: string, now: () => number = Date.now): LogTail {
  // The name was checked to hold no quote.
  const predicate = log === 'system' ? undefined : (PREDICATES[log] ?? `process == "${log}"`)
  const read = async (position: string | undefined): Promise<TailRead> => {
    const end = Math.floor(now() / 1000) - SETTLED_SECONDS
    const start = Math.max(position === undefined ? end : Number(position), end - MOST_SECONDS)
    // A clock that was set back: nothing is read twice.
    if (start >= end) return { entries: [], position: String(end) }
    const span = { since: new Date(start * 1000), until: new Date((end + 1) * 1000) }
    const entries = await showUnifiedLog({ ...span, predicate })
    return { entries: entries.filter(({ at }) => isWithin(at, start, end)).toReversed(), position: String(end) }
  }
  return { source: 'unified log', read }
}

function isWithin(at: string | null, start: number, end: number): boolean {
  const seconds = at === null ? Number.NaN : Date.parse(at) / 1000
  return seconds >= start && seconds < end
}
