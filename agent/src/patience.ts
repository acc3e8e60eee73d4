import { setTimeout as sleep } from 'node:timers/promises'

const SEND_PATIENCE_MS = 1000

/**
 * Waits until a frame has gone out, but not for ever: on a connection that hangs, a frame is neither sent nor failed
 * until the watchdog ends it, and no command, result or reboot may wait for that.
 */
export async function patiently(sent: Promise<boolean>): Promise<void> {
  await Promise.race([sent, sleep(SEND_PATIENCE_MS, undefined, { ref: false })])
}
