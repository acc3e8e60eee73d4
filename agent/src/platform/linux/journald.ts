import { readdir } from 'node:fs/promises'
import type { LogEntry } from '@breeze/contract/agent-commands'
import * as z from 'zod'
import { entry, levelOfPriority, type LogQuery, priorityOfLevel } from '../log-query.ts'
import { runProgram } from '../run-program.ts'

const FOLDERS = ['/var/log/journal', '/run/log/journal'] as const
/** With a text to look for, so many of the newest entries are searched. */
const SEARCHED = 20_000
const MAX_BYTES = 32_000_000
export const JOURNAL_FIELDS = 'MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,__REALTIME_TIMESTAMP'

/** A journal without files has nothing, whatever journalctl says of it. */
export async function hasJournal(): Promise<boolean> {
  for (const folder of FOLDERS) {
    for (const machine of await list(folder)) {
      if ((await list(`${folder}/${machine}`)).some((name) => name.endsWith('.journal'))) return true
    }
  }
  return false
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    // Missing, a file, or not ours: no journal that we could read.
    return []
  }
}

/** `matches` are of our own making: `--unit=…` or FIELD=value. */
export async function readJournal(query: LogQuery, matches: readonly string[]): Promise<LogEntry[]> {
  const lines = query.contains === undefined ? query.limit + 1 : SEARCHED
  const { stdout, stderr, exitCode } = await runProgram(
    'journalctl',
    [
      '--no-pager',
      '--quiet',
      '--reverse',
      '--output=json',
      `--output-fields=${JOURNAL_FIELDS}`,
      `--lines=${lines}`,
      ...(query.level ? [`--priority=${priorityOfLevel(query.level)}`] : []),
      ...(query.since ? [`--since=@${Math.floor(query.since.getTime() / 1000)}`] : []),
      ...matches,
    ],
    { timeoutMs: 20_000, maxBytes: MAX_BYTES },
  )
  if (exitCode !== 0) throw new Error(`journalctl ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`)
  return parseJournal(stdout)
}

/** Text that is not UTF-8 comes as an array of bytes, and a value that is too long as null. A field may come twice. */
const single = z.union([z.string(), z.array(z.number()), z.null()])
const field = z.union([single, z.array(single)])
const record = z.object({
  MESSAGE: field.optional(),
  PRIORITY: field.optional(),
  SYSLOG_IDENTIFIER: field.optional(),
  _COMM: field.optional(),
  __REALTIME_TIMESTAMP: z.string(),
  __CURSOR: z.string().optional(),
})

export function parseJournal(stdout: string): LogEntry[] {
  return parseJournalRecords(stdout).map((found) => found.entry)
}

/** The last line may be cut off. */
export function parseJournalRecords(stdout: string): { entry: LogEntry; cursor: string | undefined }[] {
  const records: { entry: LogEntry; cursor: string | undefined }[] = []
  for (const line of stdout.split('\n')) {
    const found = record.safeParse(parseJson(line))
    if (!found.success) continue
    const { MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, _COMM, __REALTIME_TIMESTAMP, __CURSOR: cursor } = found.data
    const at = new Date(Number(__REALTIME_TIMESTAMP) / 1000)
    const priority = textOf(PRIORITY)
    const told = entry(
      Number.isNaN(at.getTime()) ? null : at,
      priority === '' ? null : levelOfPriority(Number(priority)),
      textOf(SYSLOG_IDENTIFIER) || textOf(_COMM),
      MESSAGE === null ? '(too long to be shown)' : textOf(MESSAGE),
    )
    records.push({ entry: told, cursor })
  }
  return records
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // No record: cut off, or a notice among the records.
    return undefined
  }
}

function textOf(value: z.infer<typeof field> | undefined): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || value.length === 0) return ''
  if (value.every((item) => typeof item === 'number')) return Buffer.from(value).toString('utf8')
  return textOf(value.find((item) => typeof item !== 'number'))
}
