import { glob } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseSeconds } from '../../platform/linux/time-span.ts'
import { readTextIfPresent } from '../../platform/linux.ts'
import { runProgram } from '../../platform/run-program.ts'
import { Unsupported } from '../section.ts'
import type { FindingData, FindingReader } from './finding.ts'

type ScreenLock = FindingData<'screenLock'>

/** The defaults that the system gives everybody; each user may choose otherwise where they are not locked. */
export const linuxScreenLock = (root = ''): FindingReader<'screenLock'> => ({
  source: 'gsettings, kscreenlockerrc, logind.conf',
  async read(tell) {
    const sessions = await graphicalSessions(root)
    if (sessions.length === 0) throw new Unsupported('no graphical desktop is installed: there is no screen to lock')
    const logind = await byLogind(root)
    const [name, found] =
      (sessions.some((session) => /plasma|kde/i.test(session)) && (await byPlasma(root))) ||
      (sessions.some((session) => /gnome|ubuntu|unity|budgie/i.test(session)) && root === '' && (await byGnome())) ||
      []
    if (!found && !logind) throw new Unsupported(`the lock of ${sessions.slice(0, 5).join(', ')} is not known here`)
    const soonest = [found, logind].filter((lock) => lock !== undefined).sort((a, b) => rank(a) - rank(b))[0]
    tell({
      source: [name, logind && 'logind.conf'].filter(Boolean).join(', '),
      detail: 'the default for everybody; a user may have chosen otherwise',
    })
    return soonest ?? { enabled: false, afterSeconds: null }
  },
})

function rank({ enabled, afterSeconds }: ScreenLock): number {
  return enabled ? (afterSeconds ?? 0) : Number.POSITIVE_INFINITY
}

async function graphicalSessions(root: string): Promise<string[]> {
  const found = await Array.fromAsync(glob(`${root}/usr/share/{xsessions,wayland-sessions}/*.desktop`))
  return [...new Set(found.map((path) => basename(path, '.desktop')))].sort()
}

async function byGnome(): Promise<[string, ScreenLock] | undefined> {
  const [enabled, delay, idle] = await Promise.all([
    gsettings('org.gnome.desktop.screensaver', 'lock-enabled'),
    gsettings('org.gnome.desktop.screensaver', 'lock-delay'),
    gsettings('org.gnome.desktop.session', 'idle-delay'),
  ])
  const lock = parseGnome(enabled, delay, idle)
  return lock && ['gsettings', lock]
}

/** `true`, `uint32 0`, `uint32 300`. An idle delay of nought is never. */
export function parseGnome(enabled = '', delay = '', idle = ''): ScreenLock | undefined {
  const [lockDelay, idleDelay] = [unsigned(delay), unsigned(idle)]
  if (!/^(true|false)$/.test(enabled) || idleDelay === undefined) return undefined
  if (enabled === 'false' || idleDelay === 0) return { enabled: false, afterSeconds: null }
  return { enabled: true, afterSeconds: idleDelay + (lockDelay ?? 0) }
}

function unsigned(text: string): number | undefined {
  const digits = /^uint32 (\d+)$/.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

async function gsettings(schema: string, key: string): Promise<string | undefined> {
  try {
    const { stdout, exitCode } = await runProgram('gsettings', ['get', schema, key], { timeoutMs: 3000 })
    return exitCode === 0 ? stdout.trim() : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

/** Plasma locks after five minutes unless told otherwise; the file's time is in minutes. */
async function byPlasma(root: string): Promise<[string, ScreenLock]> {
  const text = (await readTextIfPresent(`${root}/etc/xdg/kscreenlockerrc`)) ?? ''
  return ['/etc/xdg/kscreenlockerrc', parsePlasma(text)]
}

export function parsePlasma(text: string): ScreenLock {
  const section = /^\[Daemon\]$([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(text)?.[1] ?? ''
  const value = (key: string) => new RegExp(`^${key}(?:\\[\\$i\\])?=(.*)$`, 'm').exec(section)?.[1]?.trim()
  const minutes = Number(value('Timeout') ?? 5)
  if (value('Autolock') === 'false' || !(minutes > 0)) return { enabled: false, afterSeconds: null }
  return { enabled: true, afterSeconds: Math.round(minutes * 60) + Number(value('LockGrace') ?? 0) }
}

async function byLogind(root: string): Promise<ScreenLock | undefined> {
  const paths = ['/etc/systemd/logind.conf']
  paths.push(
    ...(await Array.fromAsync(glob(`${root}/etc/systemd/logind.conf.d/*.conf`)))
      .sort()
      .map((path) => path.slice(root.length)),
  )
  const texts = await Promise.all(paths.map((path) => readTextIfPresent(root + path)))
  return parseLogind(texts.filter((text) => text !== undefined).join('\n'))
}

/** Undefined where logind does nothing, which is its default. A later file overrides an earlier one. */
export function parseLogind(text: string): ScreenLock | undefined {
  const last = (key: string) => [...text.matchAll(new RegExp(`^\\s*${key}=(.*)$`, 'gm'))].at(-1)?.[1]?.trim()
  if (last('IdleAction') !== 'lock') return undefined
  return { enabled: true, afterSeconds: parseSeconds(last('IdleActionSec') ?? '30min') ?? null }
}
