import { setTimeout as sleep } from 'node:timers/promises'
import { runProgram } from '../run-program.ts'
import type { ScreenLock } from '../screen-lock.ts'

const TIMEOUT_MS = 10_000
/** How long a desktop may take to say that it has locked. */
const CONFIRM_MS = 5000
const CONFIRM_PAUSE_MS = 250

/** Through the login manager, which tells each desktop; the desktop's own word that it has locked is waited for. */
export const linuxScreenLock: ScreenLock = {
  async unsupported() {
    if (process.getuid?.() !== 0) return 'locking the screen needs the agent to run as root'
    try {
      // That the program is installed says nothing: it needs logind, or elogind, to ask.
      await sessionIds()
      return undefined
    } catch {
      // Its own words are about buses, and mean this.
      return 'no login manager runs on this device'
    }
  },
  async lock() {
    const found = await Promise.all((await sessionIds()).map(readSession))
    const screens = found.filter((session) => session !== undefined).filter(isAtScreen)
    if (screens.length === 0) throw new Error('Nobody is signed in at a screen')
    for (const { id } of screens) await loginctl(['lock-session', id])
    await confirmed(screens.map(({ id }) => id))
    return `locked ${screens.length} session(s): ${screens.map(({ user }) => user).join(', ')}`
  },
}

export interface ScreenSession {
  id: string
  user: string
  type: string
  kind: string
  state: string
  locked: boolean
}

/** `loginctl show-session`, one property a line. */
export function parseSession(id: string, text: string): ScreenSession | undefined {
  const values = new Map([...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]))
  const user = values.get('Name')
  if (!user) return undefined
  return {
    id,
    user,
    type: values.get('Type') ?? '',
    kind: values.get('Class') ?? '',
    state: values.get('State') ?? '',
    locked: values.get('LockedHint') === 'yes',
  }
}

export function isAtScreen({ type, kind, state }: ScreenSession): boolean {
  return ['x11', 'wayland', 'mir'].includes(type) && kind === 'user' && state !== 'closing'
}

/** `loginctl list-sessions --no-legend`: the id comes first. */
export function parseSessionIds(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0] ?? '')
    .filter((id) => /^[A-Za-z0-9]{1,32}$/.test(id))
}

async function sessionIds(): Promise<string[]> {
  return parseSessionIds(await loginctl(['list-sessions', '--no-legend']))
}

async function readSession(id: string): Promise<ScreenSession | undefined> {
  return parseSession(id, await loginctl(['show-session', id]))
}

async function confirmed(ids: readonly string[]): Promise<void> {
  const deadline = performance.now() + CONFIRM_MS
  for (;;) {
    const sessions = await Promise.all(ids.map(readSession))
    if (sessions.every((session) => session?.locked)) return
    if (performance.now() > deadline) throw new Error('The desktop was told to lock and did not confirm it')
    await sleep(CONFIRM_PAUSE_MS)
  }
}

async function loginctl(args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram('loginctl', ['--no-pager', ...args], { timeoutMs: TIMEOUT_MS })
  if (exitCode !== 0) throw new Error(`loginctl ${args[0]} failed: ${stderr.trim()}`)
  return stdout
}
