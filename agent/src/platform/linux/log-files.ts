import { access, constants, type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { errorCode } from '../error-code.ts'

const BLOCK_BYTES = 64 * 1024
/** Of a longer line, the beginning: it has the time and the program. */
const MAX_LINE_BYTES = 16 * 1024
/** A compressed file can only be read from its beginning; these are the lines kept of its end. */
const KEPT_BYTES = 4 * 1024 * 1024
const MAX_UNPACKED_BYTES = 128 * 1024 * 1024
/**
 * Whoever may write to the folder of the logs is not always root: a link there must not lead the agent to a file that
 * only root may read, nor a pipe hold it for ever.
 */
const SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
/** Over all the rotated files of one log. */
const MAX_BYTES = 128 * 1024 * 1024

export interface LogLine {
  text: string
  /** When the file was last written: no line in it is newer. */
  writtenAt: Date
}

/** Undefined where there is no such file; a file that may not be read is an error. */
export async function logFiles(path: string): Promise<string[] | undefined> {
  let names
  try {
    names = await readdir(dirname(path))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  const files = rotated(basename(path), names).map((name) => join(dirname(path), name))
  const [newest] = files
  if (newest === undefined) return undefined
  await access(newest, constants.R_OK)
  return files
}

/** logrotate's names, the newest first: `syslog`, `syslog.1`, `syslog.2.gz`, or `messages-20261101`. */
export function rotated(name: string, names: readonly string[]): string[] {
  const found: { name: string; age: number }[] = []
  for (const other of names) {
    if (other === name) found.push({ name, age: -1 })
    if (!other.startsWith(name)) continue
    const suffix = /^(?:\.(\d{1,4})|-(\d{8}))(\.gz)?$/.exec(other.slice(name.length))
    if (!suffix) continue
    // Dates count backwards: the later, the younger.
    const age = suffix[1] === undefined ? 100_000_000 - Number(suffix[2]) : Number(suffix[1])
    found.push({ name: other, age })
  }
  return found.sort((a, b) => a.age - b.age).map((file) => file.name)
}

/** The lines of these files, from the end of the first to the beginning of the last, within a budget. */
export async function* linesBackward(files: readonly string[]): AsyncGenerator<LogLine> {
  let budget = MAX_BYTES
  for (const path of files) {
    if (budget <= 0) return
    let file
    try {
      file = await openSafely(path)
    } catch (error) {
      // Rotated away in between.
      if (errorCode(error) === 'ENOENT') continue
      throw error
    }
    try {
      const { mtime, size } = await file.stat()
      const lines = path.endsWith('.gz') ? unpackedBackward(file) : plainBackward(file, size, budget)
      for await (const text of lines) yield { text, writtenAt: mtime }
      budget -= size
    } finally {
      await file.close()
    }
  }
}

/** Refuses what is no plain file. */
export async function openSafely(path: string): Promise<FileHandle> {
  const file = await open(path, SAFELY)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new Error(`${path} is no file`)
}

async function* plainBackward(file: FileHandle, size: number, budget: number): AsyncGenerator<string> {
  const stop = Math.max(0, size - budget)
  let at = size
  let rest: Buffer = Buffer.alloc(0)
  while (at > stop) {
    const length = Math.min(BLOCK_BYTES, at - stop)
    at -= length
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
    // Shorter than it was: somebody truncated it while it was read.
    if (bytesRead < length) return
    const block = Buffer.concat([buffer, rest])
    let end = block.length
    for (let feed = lastFeed(block, end); feed >= 0; feed = lastFeed(block, end)) {
      if (end > feed + 1) yield decodeLine(block.subarray(feed + 1, end))
      end = feed
    }
    rest = block.subarray(0, Math.min(end, MAX_LINE_BYTES))
  }
  if (stop === 0 && rest.length > 0) yield decodeLine(rest)
}

function lastFeed(block: Buffer, end: number): number {
  return end === 0 ? -1 : block.lastIndexOf(0x0a, end - 1)
}

export function decodeLine(line: Buffer): string {
  return line.toString('utf8', 0, Math.min(line.length, MAX_LINE_BYTES))
}

async function* unpackedBackward(file: FileHandle): AsyncGenerator<string> {
  const source = file.createReadStream({ autoClose: false })
  const unpacked = source.pipe(createGunzip())
  source.on('error', (error) => unpacked.destroy(error))
  const kept: Buffer[] = []
  let keptBytes = 0
  let total = 0
  try {
    for await (const chunk of unpacked) {
      if (!Buffer.isBuffer(chunk)) continue
      total += chunk.length
      // A bomb, or a log nobody rotates: what is behind this is not reached.
      if (total > MAX_UNPACKED_BYTES) break
      kept.push(chunk)
      keptBytes += chunk.length
      while (keptBytes - (kept[0]?.length ?? 0) > KEPT_BYTES) keptBytes -= kept.shift()?.length ?? 0
    }
  } catch (error) {
    // Cut off or no gzip at all: what could be unpacked counts.
    if (!errorCode(error)?.startsWith('Z_')) throw error
  } finally {
    source.destroy()
  }
  const block = Buffer.concat(kept)
  let end = block.length
  for (let feed = lastFeed(block, end); feed >= 0; feed = lastFeed(block, end)) {
    if (end > feed + 1) yield decodeLine(block.subarray(feed + 1, end))
    end = feed
  }
  if (total === block.length && end > 0) yield decodeLine(block.subarray(0, end))
}
