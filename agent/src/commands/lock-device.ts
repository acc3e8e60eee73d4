import type { Executor } from '../executor.ts'
import { screenLock } from '../platform/screen-lock.ts'
import { action } from './action.ts'

const TIMEOUT_MS = 60_000

export function lockDevice(): Executor<'device.lock'> {
  return action({
    type: 'device.lock',
    timeoutMs: () => TIMEOUT_MS,
    unsupported: () => screenLock().unsupported(),
    act: async () => ({ data: undefined, text: await screenLock().lock() }),
  })
}
