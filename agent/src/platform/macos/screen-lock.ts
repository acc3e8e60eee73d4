import { runProgram } from '../run-program.ts'
import type { ScreenLock } from '../screen-lock.ts'

const TIMEOUT_MS = 10_000

/** A display that sleeps is locked exactly where the password is asked for at once. Never run on a real Mac. */
export const macosScreenLock: ScreenLock = {
  unsupported: async () => undefined,
  async lock() {
    const status = await runProgram('sysadminctl', ['-screenLock', 'status'], { timeoutMs: TIMEOUT_MS })
    if (!asksAtOnce(`${status.stdout}${status.stderr}`)) {
      throw new Error('This Mac does not ask for the password at once when its display sleeps')
    }
    const { exitCode, stderr } = await runProgram('pmset', ['displaysleepnow'], { timeoutMs: TIMEOUT_MS })
    if (exitCode !== 0) throw new Error(`pmset failed: ${stderr.trim()}`)
    return 'put the display to sleep, after which the password is asked for'
  },
}

export function asksAtOnce(status: string): boolean {
  return /screenLock delay is immediate/i.test(status)
}
