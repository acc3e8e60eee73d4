import { access, readdir, stat } from 'node:fs/promises'
import { errorCode } from './error-code.ts'

/** Files and folders that may not be there, which is an answer; any other failure is the caller's to report. */

export async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(access(path).then(() => true))) ?? false
}

/** Undefined where there is no such file. */
export async function modifiedAt(path: string): Promise<Date | undefined> {
  return (await unlessMissing(stat(path)))?.mtime
}

/** Empty where there is no such folder. */
export async function filesOf(folder: string): Promise<string[]> {
  return (await unlessMissing(readdir(folder))) ?? []
}

export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}
