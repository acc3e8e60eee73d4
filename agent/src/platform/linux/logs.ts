import { bootTime, readText } from '../linux.ts'
import type { LogEntries, LogQuery, OpenLog } from '../log-query.ts'
import { hasJournal, readJournal } from './journald.ts'
import { KERNEL_RING, readKernelRing } from './kernel-ring.ts'
import { linesBackward, logFiles } from './log-files.ts'
import { syslogEntries } from './log-lines.ts'
import { openPackageLogs } from './package-logs.ts'

/** Gives the log, or why it is not there. */
export type LogSource = (query: LogQuery) => Promise<OpenLog | string>

/** Which places are asked for a log, in order: the first that has it is the answer. */
export function linuxSources(log: string): readonly LogSource[] {
  switch (log) {
    case 'system':
      return [journal([]), files('/var/log/syslog'), files('/var/log/messages'), kernelRing, packages]
    case 'security':
      // LOG_AUTH and LOG_AUTHPRIV (syslog(3)).
      return [
        journal(['SYSLOG_FACILITY=4', 'SYSLOG_FACILITY=10']),
        files('/var/log/auth.log'),
        files('/var/log/secure'),
      ]
    case 'kernel':
      return [journal(['_TRANSPORT=kernel']), files('/var/log/kern.log'), kernelRing]
    case 'packages':
      return [packages]
    default:
      return [journalOf(log), ofProgram('/var/log/syslog', log), ofProgram('/var/log/messages', log)]
  }
}

function journal(matches: readonly string[]): LogSource {
  return async (query) => {
    if (!(await hasJournal())) return 'no systemd journal'
    if (process.getuid?.() !== 0) return 'the systemd journal is shown to root only'
    return { source: 'systemd journal', entries: await readJournal(query, matches) }
  }
}

/** A unit's, or where it has none those of a program: sshd is a program of ssh.service on some systems. */
function journalOf(name: string): LogSource {
  const unit = journal([`--unit=${name}`])
  const program = journal([`SYSLOG_IDENTIFIER=${name}`])
  return async (query) => {
    const found = await unit(query)
    if (typeof found === 'string' || !Array.isArray(found.entries) || found.entries.length > 0) return found
    return await program(query)
  }
}

function files(path: string): LogSource {
  return async () => {
    const found = await logFiles(path)
    if (!found) return `no ${path}`
    return { source: found.length > 1 ? `${path} and ${found.length - 1} older` : path, entries: entriesOf(found) }
  }
}

function ofProgram(path: string, unit: string): LogSource {
  return async () => {
    const found = await logFiles(path)
    if (!found) return `no ${path}`
    const program = unit.replace(/\.service$/, '')
    return { source: `${path}, lines of ${program}`, entries: of(entriesOf(found), program) }
  }
}

function entriesOf(found: readonly string[]): LogEntries {
  return syslogEntries(linesBackward(found))
}

async function* of(entries: LogEntries, program: string) {
  for await (const item of entries) if (item.source.toLowerCase() === program.toLowerCase()) yield item
}

const kernelRing: LogSource = async () => ({
  source: `kernel ring buffer (${KERNEL_RING})`,
  entries: readKernelRing(bootTime(await readText('/proc/stat'))),
})

const packages: LogSource = async () => (await openPackageLogs()) ?? 'no log of a package manager'
