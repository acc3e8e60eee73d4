import { setTimeout as sleep } from 'node:timers/promises'
import type { Patches } from './updates.ts'
import type { LogAnswer, LogQuery } from '../platform/log-query.ts'
import type { ServiceState } from './services.ts'
import type { Machine } from './machine.ts'

/** By the server's time; null: until it is released. */
export interface SimulatedIsolation {
  until: Date | null
}

/** What commands find and move on a device. */
export interface SimulatedMachine {
  /** As it is at this moment, by its own clock. */
  look(): Machine
  /** Goes down; after a reboot it comes back as another boot. */
  power(action: 'reboot' | 'shutdown'): void
  setService(name: string, state: ServiceState): void
  readLog(query: LogQuery): Pick<LogAnswer, 'entries' | 'more'>
  /** Share of scripts that fail, for no reason. */
  failing: number
  /** Share of updates that can not be installed at the first try. */
  failingUpdates: number
  patches(): Patches
  /** `restartDue`: what was installed asks for one. */
  patched(patches: Patches, restartDue: boolean): void
  /** What a heartbeat tells; null: nothing was installed that asks for a restart. */
  restartDue(): boolean | null
  /** Null: not isolated. */
  isolation(): SimulatedIsolation | null
  /** For so many seconds, 0: until it is released; null: releases it. */
  isolate(seconds: number | null): void
}

/** False when the device went down meanwhile. */
export async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(Math.max(0, milliseconds), undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
