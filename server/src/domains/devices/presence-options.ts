import type { Logger } from 'pino'
import type { Db } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import type { PresenceTurn } from './presence-turns.ts'

export interface PresenceOptions {
  db: Db
  events: Events
  now(): Date
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  heartbeatSeconds: number
  /** Silence that means offline. Without it, the greater of three heartbeat intervals and 180 seconds. */
  graceMs?: number
  /** How long heartbeats gather before they are written. */
  flushMs?: number
  /**
   * Told of turns once they are durable, and of the latest ones again after a restart: they may have been told to a process
   * that did not live to hear them.
   */
  turned?(turns: readonly PresenceTurn[]): void
}
