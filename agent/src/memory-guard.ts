import type { Log } from './log.ts'

export interface MemoryGuardOptions {
  log: Log
  /** Ends the agent in its ordinary way; whatever runs it starts it again. */
  restart(): void
  limitBytes?: number
  everyMs?: number
  residentBytes?(): number
}

/** Three times what the agent needs with a flood of output. */
const LIMIT_BYTES = 300 * 1024 * 1024
const EVERY_MS = 60_000
/** So often in a row: a moment's peak is no leak. */
const PATIENCE = 3

/** A leak must never cost a customer's machine its memory. Answers how to stop watching. */
export function guardMemory(options: MemoryGuardOptions): () => void {
  const { log, restart, limitBytes = LIMIT_BYTES, everyMs = EVERY_MS } = options
  const resident = options.residentBytes ?? (() => process.memoryUsage.rss())
  let above = 0
  const timer = setInterval(() => {
    const bytes = resident()
    above = bytes > limitBytes ? above + 1 : 0
    if (above < PATIENCE) return
    log('memory_limit', { bytes, limitBytes })
    clearInterval(timer)
    restart()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
