import { Unsupported } from '../collectors/section.ts'
import { linuxScreenLock } from './linux/screen-lock.ts'
import { macosScreenLock } from './macos/screen-lock.ts'
import { windowsScreenLock } from './windows/screen-lock.ts'

export interface ScreenLock {
  /** Why this device's screens can't be locked. */
  unsupported(): Promise<string | undefined>
  /** What was locked, in words; throws where nothing was, or where it can't be told. */
  lock(): Promise<string>
}

export function screenLock(): ScreenLock {
  if (process.platform === 'linux') return linuxScreenLock
  if (process.platform === 'win32') return windowsScreenLock
  if (process.platform === 'darwin') return macosScreenLock
  const reason = `screens are not locked by this agent on ${process.platform} yet`
  return {
    unsupported: async () => reason,
    lock: () => Promise.reject(new Unsupported(reason)),
  }
}
