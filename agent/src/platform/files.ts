import { constants } from 'node:fs'
import { access, open, readdir, stat } from 'node:fs/promises'
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

/** Undefined where there is none. A FIFO or a device in its place must not hold the agent up, and is refused. */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await unlessMissing(open(path, constants.O_RDONLY | constants.O_NONBLOCK))
  if (!file) return undefined
  try {
    const info = await file.stat()
    if (!info.isFile()) throw new Error('it is not a regular file')
    if (info.size > maxBytes) throw new Error('it is too large')
    return await file.readFile()
  } finally {
    await file.close()
  }
}
