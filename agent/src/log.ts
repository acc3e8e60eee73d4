export type LogFields = Record<string, string | number | boolean | null>
export type Log = (event: string, fields?: LogFields) => void

/** One JSON line per event on stderr. Callers never pass a token, a key or script output. */
export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const MAX_RECENT = 500

export interface LoggedEvent {
  at: Date
  event: string
  fields: LogFields
}

/** Keeps the latest events of a log, for when somebody asks the agent itself. */
export class RecentLog {
  readonly #events: LoggedEvent[] = []
  readonly #inner: Log

  constructor(inner: Log) {
    this.#inner = inner
  }

  readonly log: Log = (event, fields = {}) => {
    this.#events.push({ at: new Date(), event, fields })
    if (this.#events.length > MAX_RECENT) this.#events.shift()
    this.#inner(event, fields)
  }

  /** The newest first. */
  events(): LoggedEvent[] {
    return this.#events.toReversed()
  }
}
