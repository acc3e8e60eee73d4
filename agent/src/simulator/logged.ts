import type { LogEntry } from '@breeze/contract/agent-commands'
import type { EventEntry, EventWatch } from '@breeze/contract/agent-events'
import { logOf, matching } from '../events/matching.ts'
import { isAtLeast, type LogLevel, type LogQuery } from '../platform/log-query.ts'

export interface LoggedEntry {
  at: Date
  /** As the device's system calls it. */
  log: string
  program: string
  level: LogLevel
  text: string
}

const SOURCE = 'simulated'
const MOST_KEPT = 5000

/** The event logs of a simulated device: what a story wrote into them. What somebody watches is told once, by itself. */
export class Logged {
  readonly #tell: (entries: EventEntry[]) => void
  readonly #told = new Set<string>()
  #entries: LoggedEntry[] = []
  #watches: readonly EventWatch[] = []

  constructor(tell: (entries: EventEntry[]) => void) {
    this.#tell = tell
  }

  write(entries: readonly LoggedEntry[]): void {
    const all = [...this.#entries, ...entries].toSorted((a, b) => a.at.getTime() - b.at.getTime())
    this.#entries = all.slice(-MOST_KEPT)
    this.#tellWatched()
  }

  watch(watches: readonly EventWatch[]): void {
    this.#watches = watches
    this.#tellWatched()
  }

  /** The newest first. `system` stands for all logs. */
  read({ log, level, since, contains, limit }: LogQuery): { entries: LogEntry[]; more: boolean } {
    const found = this.#entries.filter(
      (entry) =>
        (log === 'system' || entry.log.toLowerCase() === log.toLowerCase()) &&
        (level === undefined || isAtLeast(entry.level, level)) &&
        (since === undefined || entry.at >= since) &&
        (contains === undefined || entry.text.toLowerCase().includes(contains.toLowerCase())),
    )
    const newest = found.toReversed().slice(0, limit)
    return { entries: newest.map(shown), more: found.length > newest.length }
  }

  #tellWatched(): void {
    for (const watch of this.#watches) {
      const fresh = this.#entries.filter(
        (entry) => entry.log.toLowerCase() === logOf(watch).toLowerCase() && !this.#told.has(keyOf(watch, entry)),
      )
      for (const entry of fresh) this.#told.add(keyOf(watch, entry))
      const read = (entry: LoggedEntry) => ({ log: entry.log, source: SOURCE, at: entry.at })
      // One by one, as they were written: each stands for itself, however many there are.
      for (const entry of fresh) {
        const matched = matching([watch], [shown(entry)], read(entry))
        if (matched.length > 0) this.#tell(matched)
      }
    }
  }
}

const keyOf = (watch: EventWatch, { at, program, text }: LoggedEntry): string =>
  `${watch.id}\n${at.getTime()}\n${program}\n${text}`

const shown = ({ at, level, program, text }: LoggedEntry): LogEntry => ({
  at: at.toISOString(),
  level,
  source: program,
  message: text,
})
