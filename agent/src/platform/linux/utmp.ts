/** utmp(5): what `who` and `last` read. The C library fixes the layout per architecture. */

export interface LoginRecord {
  type: number
  pid: number
  line: string
  user: string
  host: string
  at: Date
}

export const USER_PROCESS = 7

interface Layout {
  size: number
  seconds: (record: Buffer) => number
}

/** 64-bit ARM keeps the wide times; everywhere else the records stay as they were on 32 bits. */
const LAYOUT: Layout =
  process.arch === 'arm64' || process.arch === 'loong64'
    ? { size: 400, seconds: (record) => Number(record.readBigInt64LE(344)) }
    : { size: 384, seconds: (record) => record.readInt32LE(340) }
export const UTMP_RECORD_BYTES = LAYOUT.size

/** Half a record at the end, of a file that is being written, is left out. */
export function parseUtmp(bytes: Buffer): LoginRecord[] {
  const records: LoginRecord[] = []
  for (let at = 0; at + LAYOUT.size <= bytes.length; at += LAYOUT.size) {
    const record = bytes.subarray(at, at + LAYOUT.size)
    const time = timeOf(LAYOUT.seconds(record))
    if (!time) continue
    records.push({
      type: record.readInt16LE(0),
      pid: record.readInt32LE(4),
      line: text(record, 8, 32),
      user: text(record, 44, 32),
      host: text(record, 76, 256),
      at: time,
    })
  }
  return records
}

/** lastlog(5) is an array by user id: one record of the file tells one user. Undefined for never. */
export const LASTLOG_RECORD_BYTES = LAYOUT.size === 400 ? 296 : 292
export function parseLastlog(record: Buffer): Date | undefined {
  if (record.length < LASTLOG_RECORD_BYTES) return undefined
  const seconds = LAYOUT.size === 400 ? Number(record.readBigInt64LE(0)) : record.readInt32LE(0)
  return seconds === 0 ? undefined : timeOf(seconds)
}

function timeOf(seconds: number): Date | undefined {
  const date = new Date(seconds * 1000)
  return seconds >= 0 && !Number.isNaN(date.getTime()) ? date : undefined
}

function text(record: Buffer, from: number, length: number): string {
  const field = record.subarray(from, from + length)
  const end = field.indexOf(0)
  // eslint-disable-next-line no-control-regex
  return field.toString('utf8', 0, end < 0 ? length : end).replaceAll(/[\u0000-\u001f\u007f]/g, '?')
}
