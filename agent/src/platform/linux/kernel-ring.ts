import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { LogEntry } from '@breeze/contract/agent-commands'
import { errorCode } from '../error-code.ts'
import { entry, levelOfPriority } from '../log-query.ts'

export const KERNEL_RING = '/dev/kmsg'
/** One read gives one record, and the kernel makes none longer. */
const MAX_RECORD_BYTES = 8192
/** The ring is memory, a few megabytes at most. */
const MAX_RECORDS = 100_000

export interface KernelRecord {
  /** Counts from the start of the kernel. */
  sequence: number
  entry: LogEntry
}

/** What `dmesg` shows, the newest first. */
export function readKernelRing(booted: Date): LogEntry[] {
  return readKernelRecords(booted)
    .map((record) => record.entry)
    .toReversed()
}

/** The oldest first. The ring is read from memory without waiting, as /proc is. */
export function readKernelRecords(booted: Date): KernelRecord[] {
  const file = openSync(KERNEL_RING, constants.O_RDONLY | constants.O_NONBLOCK)
  const records: KernelRecord[] = []
  const buffer = Buffer.alloc(MAX_RECORD_BYTES)
  try {
    for (let count = 0; count < MAX_RECORDS; count++) {
      const length = readRecord(file, buffer)
      if (length === 'end') break
      const parsed = length === 'lost' ? undefined : parseKernelRecord(buffer.toString('utf8', 0, length), booted)
      if (parsed) records.push(parsed)
    }
  } finally {
    closeSync(file)
  }
  return records
}

function readRecord(file: number, buffer: Buffer): number | 'end' | 'lost' {
  try {
    return readSync(file, buffer) || 'end'
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EAGAIN') return 'end'
    // The ring came round and wrote over what was to be read next.
    if (code === 'EPIPE') return 'lost'
    throw error
  }
}

/** `priority,sequence,microseconds,flags;message`, then lines of the record's fields (kernel, dev-kmsg). */
export function parseKernelRecord(text: string, booted: Date): KernelRecord | undefined {
  const [, priority, sequence, microseconds, message] = /^(\d+),(\d+),(\d+),[^;\n]*;([^\n]*)/.exec(text) ?? []
  if (priority === undefined || message === undefined) return undefined
  const at = new Date(booted.getTime() + Number(microseconds) / 1000)
  const plain = unescape(message)
  // Above the facility of the kernel itself it is a program that wrote to the ring, such as an early init.
  const program = Number(priority) >> 3 === 0 ? undefined : /^([^\s:[\]]{1,128})(?:\[\d+\])?: /.exec(plain)
  const told = entry(at, levelOfPriority(Number(priority) & 7), program?.[1] ?? 'kernel', plain)
  return { sequence: Number(sequence), entry: told }
}

/** Bytes that are not printable come as `\x1b`: bytes again, they may be parts of UTF-8 characters. */
function unescape(message: string): string {
  if (!message.includes('\\x')) return message
  const bytes = message.replaceAll(/\\x([0-9a-f]{2})|([^\\]+|\\)/g, (_, hex: string | undefined, plain: string) =>
    hex === undefined ? Buffer.from(plain).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
