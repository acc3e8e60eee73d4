import type { SectionData } from '@breeze/contract/agent-inventory'
import { clip } from '../../collectors/section.ts'

export type PendingUpdates = SectionData<'updates'>
export type PendingUpdate = PendingUpdates['updates'][number]

/** What knows the pending updates of a system. */
export interface UpdateManager {
  readonly manager: PendingUpdates['manager']
  present(): Promise<boolean>
  read(): Promise<PendingUpdates>
}

export const MOST_UPDATES = 5000

export function pendingUpdate(raw: PendingUpdate): PendingUpdate {
  return {
    ...raw,
    name: clip(raw.name, 300),
    installed: clipped(raw.installed, 200),
    available: clip(raw.available, 200),
    architecture: clipped(raw.architecture, 40),
    origin: clipped(raw.origin, 200),
  }
}

function clipped(text: string | null, length: number): string | null {
  return text === null || text === '' ? null : clip(text, length)
}

export function latest(dates: readonly (Date | undefined)[]): string | null {
  const times = dates.flatMap((date) => (date ? [date.getTime()] : []))
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString()
}

/** For a message: a program's errors come last, and may be many. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
}
