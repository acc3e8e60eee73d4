/** CON-9: the first throttle is audited at once, then one aggregate per credential, limit and minute. */
import type { Environment } from '../context.ts'
import type { Caller } from '../caller.ts'
import type { AuditAppender } from './appender.ts'
import { draftFor } from './entry.ts'

const WINDOW_MS = 60_000

interface Window {
  caller: Caller
  limit: string
  since: Date
  /** Refusals after the first one. */
  more: number
  timer: NodeJS.Timeout
}

export class ThrottleRecorder {
  readonly #windows = new Map<string, Window>()
  readonly #audit: AuditAppender
  readonly #environment: Environment
  readonly #failed: (error: unknown) => void

  constructor(audit: AuditAppender, environment: Environment, failed: (error: unknown) => void) {
    this.#audit = audit
    this.#environment = environment
    this.#failed = failed
  }

  record(caller: Caller, limit: string, retryAfterSeconds: number): void {
    const key = `${caller.credential.kind}:${caller.credential.id}:${limit}`
    const window = this.#windows.get(key)
    if (window) {
      window.more += 1
      return
    }
    const since = this.#environment.now()
    const timer = setTimeout(() => this.#end(key), WINDOW_MS)
    timer.unref()
    this.#windows.set(key, { caller, limit, since, more: 0, timer })
    this.#write(caller, limit, since, { retry_after_seconds: retryAfterSeconds, refused: 1 })
  }

  /** Writes what is still being counted. */
  async close(): Promise<void> {
    for (const key of this.#windows.keys()) this.#end(key)
    await this.#audit.drain()
  }

  #end(key: string): void {
    const window = this.#windows.get(key)
    if (!window) return
    clearTimeout(window.timer)
    this.#windows.delete(key)
    if (window.more > 0) {
      this.#write(window.caller, window.limit, this.#environment.now(), {
        refused: window.more,
        since: window.since.toISOString(),
      })
    }
  }

  #write(caller: Caller, limit: string, at: Date, details: Record<string, unknown>): void {
    const draft = draftFor(caller, 'throttle', at)
    this.#audit
      .append({
        ...draft,
        decision: 'denied',
        code: 'rate_limited',
        reason: limit,
        details: { ...draft.details, ...details },
      })
      .catch(this.#failed)
  }
}
