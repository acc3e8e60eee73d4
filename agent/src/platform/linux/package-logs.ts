import type { LogEntry } from '@breeze/contract/agent-commands'
import { entry, type LogEntries, mergeNewest, type OpenLog } from '../log-query.ts'
import { linesBackward, logFiles, type LogLine } from './log-files.ts'
import { datedEntries } from './log-lines.ts'

export const DATED_LOGS: readonly (readonly [path: string, source: string])[] = [
  ['/var/log/dpkg.log', 'dpkg'],
  ['/var/log/dnf.rpm.log', 'dnf'],
  ['/var/log/yum.log', 'yum'],
  ['/var/log/pacman.log', 'pacman'],
  ['/var/log/zypp/history', 'zypper'],
]
const APT_HISTORY = '/var/log/apt/history.log'

/** What was installed, changed and removed, by every package manager's own log. Undefined where there is none. */
export async function openPackageLogs(root = ''): Promise<OpenLog | undefined> {
  const found: { path: string; entries: LogEntries }[] = []
  for (const [path, source] of DATED_LOGS) {
    const files = await logFiles(root + path)
    if (files) found.push({ path, entries: datedEntries(linesBackward(files), source) })
  }
  const history = await logFiles(root + APT_HISTORY)
  if (history) found.push({ path: APT_HISTORY, entries: aptEntries(linesBackward(history)) })
  const [first, ...others] = found
  if (!first) return undefined
  return {
    source: found.map(({ path }) => path).join(', '),
    entries: others.reduce((merged, { entries }) => mergeNewest(merged, entries), first.entries),
  }
}

/** One entry for each of apt's paragraphs, which begin with their Start-Date. */
export async function* aptEntries(lines: AsyncIterable<LogLine>): AsyncGenerator<LogEntry> {
  let paragraph: string[] = []
  for await (const { text } of lines) {
    const start = /^Start-Date: (\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)/.exec(text)
    if (!start) {
      if (!text.startsWith('End-Date:')) paragraph.push(text)
      continue
    }
    const at = new Date(`${start[1]}T${start[2]}`)
    const failed = paragraph.some((line) => line.startsWith('Error:'))
    yield entry(
      Number.isNaN(at.getTime()) ? null : at,
      failed ? 'error' : 'info',
      'apt',
      paragraph.toReversed().join('\n'),
    )
    paragraph = []
  }
}
