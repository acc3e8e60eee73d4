import { setTimeout as sleep } from 'node:timers/promises'
import { TimedOut } from './collectors/section.ts'

const SEND_PATIENCE_MS = 1000

/**
 * Waits until a frame has gone out, but not for ever: on a connection that hangs, a frame is neither sent nor failed
 * until the watchdog ends it, and no command, result or reboot may wait for that.
 */
export async function patiently(sent: Promise<boolean>): Promise<void> {
  await Promise.race([sent, sleep(SEND_PATIENCE_MS, undefined, { ref: false })])
}

/** Rejects with `TimedOut` when it takes longer. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new TimedOut(`no answer within ${milliseconds} ms`)), milliseconds)
  // What fails after its time was already told as a timeout.
  work.catch(() => undefined)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
