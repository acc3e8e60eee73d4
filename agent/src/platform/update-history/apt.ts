import { linesBackward, type LogLine, logFiles } from '../linux/log-files.ts'
import { logFingerprint } from './log-fingerprint.ts'
import { type HistoryKeeper, MOST_RECORDS, newest, type UpdateRecord } from './record.ts'
import { localTime, type Session, sessionsBackward } from './apt-sessions.ts'

const HISTORY = '/var/log/apt/history.log'
const TERMINAL = '/var/log/apt/term.log'
const DPKG = '/var/log/dpkg.log'
/** A run without its end that began later than this may still be at work. */
const AT_WORK_MS = 6 * 3_600_000
/** Clocks are read in this order: apt's begin, the terminal's, dpkg's lines, the ends. */
const TOLERANCE_MS = 5000

/**
 * apt's own record says what was attempted and whether dpkg complained; what dpkg said of which package is in the record of
 * its terminal, and what became of each package, also later and by hand, in dpkg's own.
 */
export const aptHistory = (root = ''): HistoryKeeper => ({
  source: `${HISTORY}, ${TERMINAL}, ${DPKG}`,
  async fingerprint() {
    const history = await logFingerprint(root + HISTORY)
    return history === undefined ? undefined : [history, await logFingerprint(root + DPKG)].join('\n')
  },
  async read() {
    const files = await logFiles(root + HISTORY)
    if (!files) return []
    const runs = await updatingRuns(linesBackward(files))
    const troubled = runs.filter((run) => run.problem !== null)
    const oldest = troubled.at(-1)
    if (!oldest) return newest(runs.flatMap(succeeded))
    const since = oldest.startedAt.getTime() - TOLERANCE_MS
    const sessions = await sessionsSince(root, since)
    const configured = await configuredSince(root, since)
    return newest(runs.flatMap((run) => (run.problem === null ? succeeded(run) : inspected(run, sessions, configured))))
  },
})

interface Package {
  name: string
  version: string
}

/** One paragraph of the record that upgraded something. */
interface Run {
  startedAt: Date
  endedAt: Date
  packages: readonly Package[]
  /** Null: dpkg did not complain. */
  problem: string | null
}

/** The newest first, as many as give a report. */
async function updatingRuns(lines: AsyncIterable<LogLine>): Promise<Run[]> {
  const runs: Run[] = []
  let count = 0
  let paragraph: string[] = []
  for await (const { text } of lines) {
    paragraph.push(text)
    if (!text.startsWith('Start-Date:')) continue
    const run = runOf(paragraph, new Date())
    paragraph = []
    if (!run) continue
    runs.push(run)
    count += run.packages.length
    if (count >= MOST_RECORDS) break
  }
  return runs
}

const UPGRADED = /([^\s:,()]+)(?::[a-z0-9-]+)? \([^,()]+, ([^,()\s]+)(?:, automatic)?\)/g

/** Undefined for what installed or removed only, and for what is at work. */
export function runOf(paragraph: readonly string[], now: Date): Run | undefined {
  const field = (name: string): string | undefined =>
    paragraph
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const upgraded = field('Upgrade')
  const startedAt = localTime(field('Start-Date'))
  if (upgraded === undefined || !startedAt) return undefined
  const packages = [...upgraded.matchAll(UPGRADED)].map(([, name = '', version = '']) => ({ name, version }))
  const endedAt = localTime(field('End-Date'))
  if (endedAt) return { startedAt, endedAt, packages, problem: field('Error') ?? null }
  if (now.getTime() - startedAt.getTime() < AT_WORK_MS) return undefined
  return { startedAt, endedAt: startedAt, packages, problem: 'apt did not come to its end' }
}

const succeeded = ({ packages, endedAt }: Run): UpdateRecord[] =>
  packages.map(({ name, version }) => ({ name, version, at: endedAt.toISOString(), outcome: 'installed' as const }))

/** Per package, what was configured with which version. Undefined where dpkg keeps no record. */
type Configured = ReadonlyMap<string, readonly { version: string; at: Date }[]> | undefined

/** What became of each package of a run that had trouble. Of one of which nothing is known, nothing is said. */
function inspected(run: Run, sessions: readonly Session[], configured: Configured): UpdateRecord[] {
  const began = run.startedAt.getTime() - TOLERANCE_MS
  const ended = run.endedAt.getTime() + TOLERANCE_MS
  const own = sessions.filter(({ startedAt }) => startedAt.getTime() >= began && startedAt.getTime() <= ended)
  const reasons = new Map(own.flatMap(({ reasons }) => [...reasons]))
  const others = [...reasons.keys()].filter((name) => !run.packages.some((one) => one.name === name))
  return [...run.packages, ...others.map((name) => ({ name, version: null }))].flatMap(({ name, version }) => {
    const reason = reasons.get(name)
    const done = configured
      ?.get(name)
      ?.find((one) => one.at.getTime() >= began && (version ?? one.version) === one.version)
    const repaired = done && { name, version: done.version, at: done.at.toISOString(), outcome: 'installed' as const }
    if (repaired && done.at.getTime() <= ended) return [repaired]
    if (!configured && reason === undefined) return []
    const at = run.endedAt.toISOString()
    const failed = { name, version, at, outcome: 'failed' as const, reason: reason ?? run.problem ?? '' }
    return repaired ? [repaired, failed] : [failed]
  })
}

async function sessionsSince(root: string, since: number): Promise<Session[]> {
  const files = await logFiles(root + TERMINAL)
  const found: Session[] = []
  if (!files) return found
  for await (const session of sessionsBackward(linesBackward(files))) {
    if (session.startedAt.getTime() < since) break
    found.push(session)
  }
  return found
}

const CONFIGURED = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) status installed ([^\s:]+)(?::\S+)? (\S+)$/

async function configuredSince(root: string, since: number): Promise<Configured> {
  const files = await logFiles(root + DPKG)
  if (!files) return undefined
  const found = new Map<string, { version: string; at: Date }[]>()
  for await (const { text } of linesBackward(files)) {
    const at = localTime(text)
    if (at && at.getTime() < since) break
    const [, , name, version] = CONFIGURED.exec(text) ?? []
    if (!at || name === undefined || version === undefined) continue
    // Read backward: the earliest comes first in the end.
    found.set(name, [{ version, at }, ...(found.get(name) ?? [])])
  }
  return found
}
