import { setTimeout as sleep } from 'node:timers/promises'
import type { Postmaster } from './postmaster.ts'

const lookMs = 500
const firstDelayMs = 500
const longestDelayMs = 30_000
/** A run of this length counts as healthy: the next failure starts again with the short delay. */
const healthyMs = 60_000

/**
 * Watches the main process and starts it again when it ends unasked (the kernel's out-of-memory killer takes it first): the
 * socket stays where it was, so connection pools find their way back.
 *
 * @param restart starts a new main process or throws
 * @returns ends the watch and answers with the last main process
 */
export function keepRunning(
  first: Postmaster,
  restart: () => Promise<Postmaster>,
  log: (line: string) => void,
): { end(): Promise<Postmaster> } {
  const over = new AbortController()
  let current = first
  let startedAt = Date.now()
  let delayMs = firstDelayMs

  async function watch(): Promise<void> {
    while (await pause(lookMs, over.signal)) {
      if (current.alive()) continue
      log(`PostgreSQL (process ${current.pid}) ended on its own and is started again`)
      if (Date.now() - startedAt > healthyMs) delayMs = firstDelayMs
      await revive()
    }
  }

  async function revive(): Promise<void> {
    while (await pause(delayMs, over.signal)) {
      delayMs = Math.min(delayMs * 2, longestDelayMs)
      try {
        current = await restart()
        startedAt = Date.now()
        return
      } catch (error) {
        log(`PostgreSQL does not start again: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  const watching = watch().catch((error: unknown) => log(`PostgreSQL is no longer watched: ${String(error)}`))
  return {
    async end() {
      over.abort()
      await watching
      return current
    },
  }
}

/** @returns false when the watch is over. Keeps no process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { ref: false, signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
