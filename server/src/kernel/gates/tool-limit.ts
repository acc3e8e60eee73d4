/** Acts per credential, tool and minute. Bounds what a runaway assistant can start, whatever its message rate. */
import type { Caller } from '../caller.ts'
import type { LiveCount } from '../live-limits.ts'
import type { ActionSpec } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

const WINDOW_MS = 60_000
const MAX_TRACKED = 50_000

export class ToolLimit {
  readonly #windows = new Map<string, { startedAt: number; used: number }>()
  readonly #perMinute: number

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  gate(caller: Caller, tool: string, action: ActionSpec, now: Date): Verdict {
    return action.tier === 1 ? allow : this.count(caller, tool, now)
  }

  /** What a read has devices do counts as an act does. */
  count(caller: Caller, tool: string, now: Date): Verdict {
    const key = `${caller.credential.kind}:${caller.credential.id}:${tool}`
    const at = now.getTime()
    const current = this.#windows.get(key)
    if (!current || at - current.startedAt >= WINDOW_MS) {
      this.#forget(at)
      this.#windows.set(key, { startedAt: at, used: 1 })
      return allow
    }
    if (current.used < this.#perMinute) {
      current.used += 1
      return allow
    }
    const seconds = Math.max(1, Math.ceil((current.startedAt + WINDOW_MS - at) / 1000))
    return deny({
      code: 'rate_limited',
      reason: `${tool} was called ${this.#perMinute} times within a minute by this credential.`,
      remedy: `Wait ${seconds} seconds. Many devices fit into one call.`,
      retry_after_seconds: seconds,
    })
  }

  /** Acts counted in the minutes that have not ended. */
  counts(now: Date): LiveCount[] {
    const at = now.getTime()
    return [...this.#windows].flatMap(([key, { startedAt, used }]) => {
      const [, credentialId = '', tool = ''] = key.split(':')
      const secondsLeft = Math.ceil((startedAt + WINDOW_MS - at) / 1000)
      if (secondsLeft <= 0) return []
      return [{ limit: 'acts' as const, credentialId, tool, used, most: this.#perMinute, secondsLeft }]
    })
  }

  #forget(at: number): void {
    if (this.#windows.size < MAX_TRACKED) return
    for (const [key, window] of this.#windows) if (at - window.startedAt >= WINDOW_MS) this.#windows.delete(key)
  }
}
