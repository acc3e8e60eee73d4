import type { FileHandle } from 'node:fs/promises'
import type { LogEntry } from '@breeze/contract/agent-commands'
import type { LogTail, TailRead } from '../log-tail.ts'
import { decodeLine, logFiles, type LogLine, openSafely } from './log-files.ts'

/** Read at once; what is behind it waits for the next read. */
const MOST_BYTES = 4 * 1024 * 1024
/** Further behind than this, the part in between is passed over. */
const MOST_BEHIND_BYTES = 32 * 1024 * 1024

interface Place {
  /** Of the file, whatever its name is by now. */
  inode: string
  offset: number
}

/** Follows a file through logrotate: what the former one still had comes before the new one. */
export function fileTail(
  path: string,
  parse: (line: LogLine) => LogEntry | undefined,
): () => Promise<LogTail | string> {
  return async () => {
    if (!(await logFiles(path))) return `no ${path}`
    return { source: path, read: (position) => readOn(path, placeOf(position), parse) }
  }
}

async function readOn(
  path: string,
  from: Place | undefined,
  parse: (line: LogLine) => LogEntry | undefined,
): Promise<TailRead> {
  const file = await openSafely(path)
  try {
    const { ino, size, mtime } = await file.stat({ bigint: true })
    const inode = String(ino)
    if (!from) return { entries: [], position: positionOf({ inode, offset: Number(size) }) }
    if (from.inode === inode) {
      // Shorter than it was: it was copied and emptied.
      const start = from.offset > Number(size) ? 0 : from.offset
      const { lines, offset } = await linesFrom(file, start, Number(size), false)
      return read(lines, mtime, { inode, offset }, parse)
    }
    const former = await formerFile(path, from)
    if (former && !former.atEnd) return read(former.lines, former.writtenAt, { ...from, offset: former.offset }, parse)
    const { lines, offset } = await linesFrom(file, 0, Number(size), false)
    const now = read(lines, mtime, { inode, offset }, parse)
    const before = former ? read(former.lines, former.writtenAt, from, parse).entries : []
    return { ...now, entries: [...before, ...now.entries] }
  } finally {
    await file.close()
  }
}

/** What was not read of the file that was rotated away; undefined where it is gone, or packed already. */
async function formerFile(path: string, from: Place) {
  for (const name of (await logFiles(path)) ?? []) {
    if (name === path || name.endsWith('.gz')) continue
    const file = await openSafely(name)
    try {
      const { ino, size, mtime } = await file.stat({ bigint: true })
      if (String(ino) !== from.inode) continue
      const found = await linesFrom(file, Math.min(from.offset, Number(size)), Number(size), true)
      return { ...found, writtenAt: mtime, atEnd: found.offset >= Number(size) }
    } finally {
      await file.close()
    }
  }
  return undefined
}

/** Whole lines; of a file that nobody writes any more also the last one without its line feed. */
async function linesFrom(
  file: FileHandle,
  start: number,
  size: number,
  isFinished: boolean,
): Promise<{ lines: Buffer[]; offset: number }> {
  const from = size - start > MOST_BEHIND_BYTES ? size - MOST_BYTES : start
  const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(MOST_BYTES, size - from)), { position: from })
  const isLast = isFinished && from + bytesRead >= size
  const lines: Buffer[] = []
  let at = 0
  for (let feed = buffer.indexOf(0x0a); feed >= 0 && feed < bytesRead; feed = buffer.indexOf(0x0a, at)) {
    if (feed > at) lines.push(buffer.subarray(at, feed))
    at = feed + 1
  }
  // A line longer than all that is read at once would never end.
  if ((isLast || (at === 0 && bytesRead === MOST_BYTES)) && at < bytesRead) {
    lines.push(buffer.subarray(at, bytesRead))
    at = bytesRead
  }
  return { lines, offset: from + at }
}

function read(
  lines: readonly Buffer[],
  writtenAt: Date,
  place: Place,
  parse: (line: LogLine) => LogEntry | undefined,
): TailRead {
  const entries = lines.flatMap((line) => parse({ text: decodeLine(line), writtenAt }) ?? [])
  return { entries, position: positionOf(place) }
}

const positionOf = ({ inode, offset }: Place): string => `${inode}:${offset}`

function placeOf(position: string | undefined): Place | undefined {
  const [, inode, offset] = /^(\d+):(\d+)$/.exec(position ?? '') ?? []
  return inode === undefined ? undefined : { inode, offset: Number(offset) }
}
