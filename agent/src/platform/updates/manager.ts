import { readdir, stat } from 'node:fs/promises'
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

export async function exists(path: string): Promise<boolean> {
  return (await modifiedAt(path)) !== null
}

/** Null where there is no such file. */
export async function modifiedAt(path: string): Promise<Date | null> {
  try {
    return (await stat(path)).mtime
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

export function latest(dates: readonly (Date | null)[]): string | null {
  const times = dates.flatMap((date) => (date === null ? [] : [date.getTime()]))
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString()
}

export async function filesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

/** For a message: a program's errors come last, and may be many. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
}
