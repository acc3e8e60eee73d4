import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { clip, TimedOut } from '../collectors/section.ts'
import { eachBounded } from './each-bounded.ts'
import { filesOf, unlessMissing } from './files.ts'
import { readTextIfPresent } from './linux.ts'
import { runProgram } from './run-program.ts'

/** Init scripts are other people's shell: one that hangs must not hold up the rest. */
const STATUS_TIMEOUT_MS = 5000
const AT_ONCE = 4
const ALL_MS = 45_000
const MOST_SERVICES = 1000

/** What `service(8)` leaves out of --status-all on Debian and Red Hat: no services, and some act when they are run. */
const IGNORED =
  /^(README|skeleton|rc|rcS|single|reboot|halt|killall|functions|linuxconf|kudzu|bootclean\.sh)$|\.(dpkg-(dist|old|new|bak)|rpm(save|new|orig)|swp)$|~$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9@._+-]{0,200}$/

export interface SysvFolders {
  scripts: string
  /** Holds rc0.d … rc6.d and rcS.d. */
  runlevels: string
  run: string
}
const FOLDERS: SysvFolders = { scripts: '/etc/init.d', runlevels: '/etc', run: '/run' }

export async function sysvServices(folders: SysvFolders = FOLDERS): Promise<ServiceItem[]> {
  const names = (await scriptNames(folders)).slice(0, MOST_SERVICES)
  const links = await readLinks(folders)
  const deadline = performance.now() + ALL_MS
  return await eachBounded(names, AT_ONCE, (name) => readScript(name, folders, links, deadline))
}

/** Undefined where /etc/init.d has no such script: a name never leads anywhere else. */
export async function sysvService(name: string, folders: SysvFolders = FOLDERS): Promise<ServiceItem | undefined> {
  if (!(await scriptNames(folders)).includes(name)) return undefined
  return await readScript(name, folders, await readLinks(folders), performance.now() + STATUS_TIMEOUT_MS)
}

/** Empty where there is no such folder. */
export async function scriptNames({ scripts }: SysvFolders = FOLDERS): Promise<string[]> {
  const names = (await filesOf(scripts)).filter((name) => NAME.test(name) && !IGNORED.test(name)).sort()
  const executable = await Promise.all(names.map((name) => isScript(join(scripts, name))))
  return names.filter((_, index) => executable[index])
}

/** What anybody may write is no service of the system's, and root must not run it. */
async function isScript(path: string): Promise<boolean> {
  // A link may lead nowhere.
  const found = await unlessMissing(stat(path))
  if (!found?.isFile()) return false
  const ours = found.uid === 0 || found.uid === process.getuid?.()
  return (found.mode & 0o111) !== 0 && (found.mode & 0o002) === 0 && ours
}

async function readScript(name: string, folders: SysvFolders, links: Links, deadline: number): Promise<ServiceItem> {
  const path = join(folders.scripts, name)
  const script = await readFile(path, 'utf8')
  const left = Math.min(STATUS_TIMEOUT_MS, deadline - performance.now())
  const variables = parseVariables(script)
  const pid = await readPid(name, variables, folders)
  const state = answersStatus(script) && left > 0 ? await askStatus(path, left, { pid, variables }) : 'unknown'
  return {
    name,
    displayName: clip(parseHeader(script, 'Short-Description') ?? '', 300) || null,
    state,
    start: startOf(name, links),
    manager: 'sysv',
    pid: state === 'running' && pid.state === 'alive' ? pid.pid : null,
  }
}

/** A script that does not know the word may do anything when it gets it. */
function answersStatus(script: string): boolean {
  return /\bstatus\b|init-d-script|openrc-run/.test(script)
}

type PidFile = { state: 'none' } | { state: 'stale' } | { state: 'alive'; pid: number }
interface Evidence {
  pid: PidFile
  variables: ReadonlyMap<string, string>
}

async function askStatus(path: string, timeoutMs: number, evidence: Evidence): Promise<ServiceItem['state']> {
  try {
    const { exitCode, stdout, stderr } = await runProgram(path, ['status'], { timeoutMs, maxBytes: 10_000 })
    return stateOf(exitCode, `${stdout}${stderr}`, evidence)
  } catch (error) {
    if (error instanceof TimedOut) return 'unknown'
    throw error
  }
}

/** LSB Core, "Init Script Actions": 0 running, 1 and 2 dead and something left behind, 3 not running, 4 unknown. */
export function stateOf(exitCode: number | null, output: string, { pid, variables }: Evidence): ServiceItem['state'] {
  // It printed its usage: it has no status action, whatever it exits with.
  if (/usage:/i.test(output)) return 'unknown'
  switch (exitCode) {
    case 0:
      // init-d-script(5): no daemon belongs to it, so 0 only says that nothing is wrong.
      return output.trim() === '' && variables.get('PIDFILE') === 'none' ? 'stopped' : 'running'
    case 1:
      // Many scripts answer so for a plain "not running"; what LSB means by it leaves a pid file.
      return pid.state === 'stale' ? 'failed' : 'stopped'
    case 2:
      return 'failed'
    case 3:
      return 'stopped'
    default:
      return 'unknown'
  }
}

/** Where the script says it keeps its pid, and the customary places. */
async function readPid(name: string, variables: ReadonlyMap<string, string>, { run }: SysvFolders): Promise<PidFile> {
  const told = variables.get('PIDFILE')
  const places = [`${run}/${name}.pid`, `${run}/${name}/${name}.pid`, `${run}/${name}/pid`]
  let found: PidFile = { state: 'none' }
  for (const place of told?.startsWith('/') ? [told, ...places] : places) {
    const pid = Number((await readTextIfPresent(place))?.split('\n')[0])
    if (!Number.isInteger(pid) || pid <= 0) continue
    if ((await readTextIfPresent(`/proc/${pid}/stat`)) !== undefined) return { state: 'alive', pid }
    found = { state: 'stale' }
  }
  return found
}

/** Plain assignments, with those before them put in. */
export function parseVariables(script: string): Map<string, string> {
  const variables = new Map<string, string>()
  for (const [, name = '', raw = ''] of script.matchAll(
    /^\s*(?:export\s+)?([A-Z_]+)=("[^"`\n]*"|'[^'\n]*'|[^\s"'`;()]+)/gm,
  )) {
    const value = raw.replace(/^["']|["']$/g, '')
    const expanded = value.replace(/\$\{?([A-Z_]+)\}?/g, (whole, inner: string) => variables.get(inner) ?? whole)
    if (!expanded.includes('$')) variables.set(name, expanded)
  }
  return variables
}

function parseHeader(script: string, key: string): string | undefined {
  return new RegExp(`^#\\s*${key}:[ \\t]*(.+)$`, 'm').exec(script)?.[1]?.trim()
}

/** Names of the links in the runlevel folders; undefined where the system has none at all. */
type Links = { starts: ReadonlySet<string>; kills: ReadonlySet<string> } | undefined

async function readLinks({ runlevels }: SysvFolders): Promise<Links> {
  const starts = new Set<string>()
  const kills = new Set<string>()
  let known = false
  for (const level of ['S', '2', '3', '4', '5']) {
    for (const link of await filesOf(join(runlevels, `rc${level}.d`))) {
      known = true
      const [, kind, name = ''] = /^([SK])\d\d(.+)$/.exec(link) ?? []
      if (kind === 'S') starts.add(name)
      if (kind === 'K') kills.add(name)
    }
  }
  return known ? { starts, kills } : undefined
}

/** `update-rc.d x disable` turns the start links into kill links. */
function startOf(name: string, links: Links): ServiceItem['start'] {
  if (!links) return 'unknown'
  if (links.starts.has(name)) return 'automatic'
  return links.kills.has(name) ? 'disabled' : 'manual'
}
