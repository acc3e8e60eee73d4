import { readdir, readFile } from 'node:fs/promises'
import { errorCode } from '../error-code.ts'
import { parseShellAssignments, readTextIfPresent } from '../linux.ts'
import { runningPrograms } from './running-programs.ts'
import { parseUtmp, USER_PROCESS } from './utmp.ts'

export interface Session {
  user: string
  terminal: string
  since: Date | null
  from: string | null
}

const UTMP = ['/run/utmp', '/var/run/utmp'] as const
const LOGIND = '/run/systemd/sessions'

/** Who is signed in now, by utmp(5), else by logind; null where the system keeps no such record. */
export async function signedIn(root = '', running = runningPrograms): Promise<Session[] | null> {
  for (const path of UTMP) {
    const bytes = await readIfPresent(root + path)
    if (bytes) return utmpSessions(bytes)
  }
  const isRunning = await running()
  // Its folder is there with systemd's files, also where nobody keeps it.
  if (!isRunning('systemd-logind') && !isRunning('elogind-daemon')) return null
  return await logindSessions(root + LOGIND)
}

function utmpSessions(bytes: Buffer): Session[] {
  return parseUtmp(bytes)
    .filter(({ type, user, pid }) => type === USER_PROCESS && user !== '' && isAlive(pid))
    .map(({ user, line, at, host }) => ({ user, terminal: line, since: at, from: host || null }))
}

/** A crash leaves its record behind; `who` leaves such records out too. */
function isAlive(pid: number): boolean {
  if (pid <= 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}

async function logindSessions(folder: string): Promise<Session[] | null> {
  let names
  try {
    names = await readdir(folder)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
  const sessions: Session[] = []
  // Beside each session there is a pipe `<id>.ref`.
  for (const name of names.filter((entry) => !entry.includes('.')).sort()) {
    const text = await readTextIfPresent(`${folder}/${name}`)
    const session = text === undefined ? undefined : parseLogindSession(text)
    if (session) sessions.push(session)
  }
  return sessions
}

/** Undefined for what is no person at a terminal: greeters, service managers, and sessions that are closing. */
export function parseLogindSession(text: string): Session | undefined {
  const values = parseShellAssignments(text)
  const user = values.get('USER')
  if (!user || values.get('CLASS') !== 'user' || values.get('STATE') === 'closing') return undefined
  const microseconds = Number(values.get('REALTIME'))
  return {
    user,
    terminal: values.get('TTY') ?? values.get('DISPLAY') ?? values.get('SERVICE') ?? '',
    since: microseconds > 0 ? new Date(microseconds / 1000) : null,
    from: values.get('REMOTE_HOST') || null,
  }
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
