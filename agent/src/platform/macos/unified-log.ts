import type { LogEntry } from '@breeze/contract/agent-commands'
import * as z from 'zod'
import { linesBackward, logFiles } from '../linux/log-files.ts'
import { datedEntries } from '../linux/log-lines.ts'
import { entry, isAtLeast, type LogLevel, type LogQuery, type OpenLog } from '../log-query.ts'
import { runProgram } from '../run-program.ts'

const MAX_BYTES = 32_000_000
const INSTALL_LOG = '/var/log/install.log'
/** `log show` begins at the old end and may have millions of entries: a little of the past first, then more of it. */
const HOURS_BACK = [0.1, 1, 6, 24]

export const PREDICATES: Readonly<Record<string, string>> = {
  security:
    'process == "authd" OR process == "opendirectoryd" OR process == "sshd" OR process == "sudo" OR process == "loginwindow"',
  kernel: 'process == "kernel"',
}

export async function openMacosLog(query: LogQuery, now = new Date()): Promise<OpenLog> {
  if (query.log === 'packages') {
    const files = await logFiles(INSTALL_LOG)
    if (!files) throw new Error(`no ${INSTALL_LOG}`)
    return { source: INSTALL_LOG, entries: datedEntries(linesBackward(files), 'installer') }
  }
  // The name was checked to hold no quote.
  const predicate = query.log === 'system' ? undefined : (PREDICATES[query.log] ?? `process == "${query.log}"`)
  let entries: LogEntry[] = []
  let since = now
  for (const hours of HOURS_BACK) {
    since = new Date(now.getTime() - hours * 3_600_000)
    if (query.since && query.since > since) since = query.since
    entries = await showUnifiedLog({ since, level: query.level, predicate })
    if (enough(entries, query) || since === query.since) break
  }
  return { source: `unified log since ${since.toISOString()}`, entries }
}

function enough(entries: readonly LogEntry[], { limit, level, contains }: LogQuery): boolean {
  const wanted = contains?.toLowerCase()
  const matching = entries.filter(
    (item) =>
      (!level || !item.level || isAtLeast(item.level, level)) &&
      (wanted === undefined || item.message.toLowerCase().includes(wanted)),
  )
  return matching.length > limit
}

interface Excerpt {
  since: Date
  until?: Date
  level?: LogLevel | undefined
  predicate?: string | undefined
}

/** The newest first. */
export async function showUnifiedLog({ since, until, level, predicate }: Excerpt): Promise<LogEntry[]> {
  const { stdout, stderr, exitCode } = await runProgram(
    '/usr/bin/log',
    [
      'show',
      '--style',
      'ndjson',
      '--start',
      `@${Math.floor(since.getTime() / 1000)}`,
      ...(until ? ['--end', `@${Math.floor(until.getTime() / 1000)}`] : []),
      ...(level === 'debug' ? ['--info', '--debug'] : level === 'info' ? ['--info'] : []),
      ...(predicate === undefined ? [] : ['--predicate', predicate]),
    ],
    { timeoutMs: 30_000, maxBytes: MAX_BYTES },
  )
  if (exitCode !== 0) throw new Error(`log ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`)
  return parseUnifiedLog(stdout)
}

const record = z.object({
  timestamp: z.string(),
  messageType: z.string().nullish(),
  eventMessage: z.string().nullish(),
  processImagePath: z.string().nullish(),
})
const LEVELS: Readonly<Record<string, LogLevel>> = {
  Fault: 'critical',
  Error: 'error',
  Default: 'info',
  Info: 'info',
  Debug: 'debug',
}

/** The newest first. The last line is a count, and any line may be cut off. */
export function parseUnifiedLog(stdout: string): LogEntry[] {
  const entries: LogEntry[] = []
  for (const line of stdout.split('\n')) {
    const found = record.safeParse(parseJson(line))
    if (!found.success) continue
    const { timestamp, messageType, eventMessage, processImagePath } = found.data
    // `2026-11-25 10:00:00.123456-0800`
    const iso = timestamp.replace(' ', 'T').replace(/([+-]\d\d)(\d\d)$/, '$1:$2')
    const at = new Date(iso)
    const program = processImagePath?.split('/').at(-1) ?? ''
    entries.push(
      entry(Number.isNaN(at.getTime()) ? null : at, LEVELS[messageType ?? ''] ?? null, program, eventMessage ?? ''),
    )
  }
  return entries.toReversed()
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Not a record.
    return undefined
  }
}
