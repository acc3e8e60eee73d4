import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { errorText, type RecentLog } from '../log.ts'
import { linuxSources, type LogSource } from '../platform/linux/logs.ts'
import { entry, type LogAnswer, type LogQuery, pick } from '../platform/log-query.ts'
import { openMacosLog } from '../platform/macos/unified-log.ts'
import { openWindowsLog } from '../platform/windows/event-log.ts'
import { inspection } from './inspection.ts'

type OwnLog = Pick<RecentLog, 'events'>

/** The newest entries first. The first source that has the log answers; when none has, the reasons are told. */
export function readLogs({ ownLog }: { ownLog: OwnLog }): Executor<'logs.read'> {
  return inspection({
    type: 'logs.read',
    unsupported: async ({ log }) => {
      if (!sourcesOf('system', ownLog)) return `logs are not read by this agent on ${process.platform}`
      return isLogName(log) ? undefined : 'that is no name of a log'
    },
    look: (args, signal) => look(args, ownLog, signal),
    text,
  })
}

/**
 * A name goes into a look-up, never into a path or an option. Windows channels may have a slash in theirs; units have
 * blanks escaped.
 */
export function isLogName(name: string, platform = process.platform): boolean {
  if (!/^[a-z0-9_@:.\\ /-]{1,200}$/i.test(name) || /^[-. ]|[. ]$|\.\./.test(name)) return false
  if (platform === 'win32') return !name.includes('\\')
  return !/[/ ]/.test(name)
}

async function look(
  args: CommandArgs<'logs.read'>,
  ownLog: OwnLog,
  signal: AbortSignal,
): Promise<ResultData<'logs.read'>> {
  // A second time, because the first one was before the command was accepted.
  if (!isLogName(args.log)) throw new Error('that is no name of a log')
  const { since, ...rest } = args
  const query: LogQuery = { ...rest, since: since === undefined ? undefined : new Date(since) }
  const reasons: string[] = []
  for (const source of sourcesOf(args.log, ownLog) ?? []) {
    const answer = await ask(source, query, signal)
    if (typeof answer !== 'string') return answer
    reasons.push(answer)
  }
  throw new Error(`this device has no source for the log ${args.log}: ${reasons.join('; ')}`)
}

function sourcesOf(log: string, ownLog: OwnLog): readonly LogSource[] | undefined {
  const own: LogSource = async () => ({
    source: 'the agent’s own events since it started',
    entries: agentEntries(ownLog),
  })
  if (log === 'agent') return [own]
  const last = log === 'system' ? [own] : []
  switch (process.platform) {
    case 'linux':
      return [...linuxSources(log), ...last]
    case 'win32':
      return [openWindowsLog, ...last]
    case 'darwin':
      return [(query) => openMacosLog(query), ...last]
    default:
      return undefined
  }
}

/** What fails while it is opened or read is one source less, told with the reason. */
async function ask(source: LogSource, query: LogQuery, signal: AbortSignal): Promise<LogAnswer | string> {
  try {
    const log = await source(query)
    return typeof log === 'string' ? log : await pick(query, log, signal)
  } catch (error) {
    signal.throwIfAborted()
    return errorText(error)
  }
}

function agentEntries(ownLog: OwnLog) {
  return ownLog.events().map(({ at, event, fields }) => {
    const level = /error|failed/.test(event) ? 'error' : 'info'
    const values = Object.entries(fields).map(([key, value]) => `${key}=${value}`)
    return entry(at, level, 'breeze-agent', [event, ...values].join(' '))
  })
}

function text({ source, entries, more }: ResultData<'logs.read'>): string {
  const lines = entries.map(({ at, level, source: program, message }) =>
    [at ?? '(no time)', level ?? '-', program ? `${program}:` : '', message].filter((part) => part !== '').join(' '),
  )
  return [`${source}, ${entries.length} entries${more ? ' (more matched)' : ''}`, ...lines].join('\n')
}
