import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** The small text files of /proc, /sys and /etc. */

export async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim()
}

/** Undefined when the file is missing; any other failure is the caller's to report. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readText(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // ENODEV, EINVAL: /sys answers so for an attribute that the device does not have.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV' || code === 'EINVAL') return undefined
    throw error
  }
}

/** /proc answers from memory: a synchronous read is cheaper than a trip through the thread pool. */
export function readProcSync(path: string): string {
  return readFileSync(path, 'utf8').trim()
}

/** `Key:   1234 kB` lines, in bytes. */
export function parseMeminfo(text: string): Map<string, number> {
  const values = new Map<string, number>()
  for (const [, key, number, unit] of text.matchAll(/^([^:\n]+):\s+(\d+)( kB)?$/gm)) {
    if (key !== undefined) values.set(key, Number(number) * (unit ? 1024 : 1))
  }
  return values
}

export function need(values: ReadonlyMap<string, number>, key: string): number {
  const value = values.get(key)
  if (value === undefined) throw new Error(`${key} is missing`)
  return value
}

/** Jiffies of the `cpu` line of /proc/stat: guest time is already within user time. */
export function parseCpuTimes(stat: string): { idle: number; total: number } {
  const line = /^cpu\s+(.+)$/m.exec(stat)?.[1]
  if (line === undefined) throw new Error('/proc/stat has no cpu line')
  const fields = line.split(/\s+/).slice(0, 8).map(Number)
  const [, , , idle = 0, ioWait = 0] = fields
  return { idle: idle + ioWait, total: fields.reduce((sum, value) => sum + value, 0) }
}

/** `KEY=value` files such as os-release(5). */
export function parseShellAssignments(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const [, key, raw] of text.matchAll(/^([A-Z_]+)=(.*)$/gm)) {
    if (key !== undefined && raw !== undefined) values.set(key, raw.replace(/^(["'])(.*)\1$/, '$2'))
  }
  return values
}

export function bootTime(stat: string): Date {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1]
  if (seconds === undefined) throw new Error('/proc/stat has no btime')
  return new Date(Number(seconds) * 1000)
}
