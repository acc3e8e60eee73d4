import { setTimeout as sleep } from 'node:timers/promises'

/** False when it was stopped meanwhile. */
export async function paused(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(milliseconds, undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
