import type { LogEntry } from '@breeze/contract/agent-commands'
import type { TailSource } from '../log-tail.ts'
import { fileTail } from './file-tail.ts'
import { journalTail } from './journal-tail.ts'
import { kernelTail } from './kernel-tail.ts'
import type { LogLine } from './log-files.ts'
import { parseDatedLine, parseSyslogLine, YearGuess } from './log-lines.ts'
import { DATED_LOGS } from './package-logs.ts'

/** Which places are followed for a log, in order: the first that has it. The same as are read on request. */
export function linuxTails(log: string): readonly TailSource[] {
  switch (log) {
    case 'system':
      return [journalTail([]), syslog('/var/log/syslog'), syslog('/var/log/messages'), kernelTail]
    case 'security':
      return [
        // LOG_AUTH and LOG_AUTHPRIV (syslog(3)).
        journalTail(['SYSLOG_FACILITY=4', 'SYSLOG_FACILITY=10']),
        syslog('/var/log/auth.log'),
        syslog('/var/log/secure'),
      ]
    case 'kernel':
      return [journalTail(['_TRANSPORT=kernel']), syslog('/var/log/kern.log'), kernelTail]
    case 'packages':
      return DATED_LOGS.map(([path, source]) => fileTail(path, ({ text }) => parseDatedLine(text, source)))
    default:
      return [journalTail(ofUnit(log)), ofProgram('/var/log/syslog', log), ofProgram('/var/log/messages', log)]
  }
}

/** What the unit wrote, what systemd wrote of it, and what a program of this name wrote. */
function ofUnit(name: string): string[] {
  const unit = /\.[a-z]+$/.test(name) ? name : `${name}.service`
  return [`_SYSTEMD_UNIT=${unit}`, '+', `UNIT=${unit}`, '_PID=1', '+', `SYSLOG_IDENTIFIER=${programOf(name)}`]
}

const programOf = (unit: string): string => unit.replace(/\.service$/, '')

const syslog = (path: string): TailSource => fileTail(path, parseLine)

function ofProgram(path: string, unit: string): TailSource {
  const program = programOf(unit).toLowerCase()
  return fileTail(path, (line) => {
    const entry = parseLine(line)
    return entry.source.toLowerCase() === program ? entry : undefined
  })
}

/** Read forward, each time without a year is the last one before the file was written. */
const parseLine = (line: LogLine): LogEntry => parseSyslogLine(line, new YearGuess())
