import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { ClusterError } from './cluster-error.ts'
import type { Placement } from './placement.ts'
import { processesIn, processMark } from './processes.ts'
import { socketPort } from './socket-folder.ts'
import { programEnvironment, run, type SystemUser } from './system-user.ts'

/** The cluster's main process. */
export interface Postmaster {
  pid: number
  alive(): boolean
}

const fastMs = 30_000
const immediateMs = 10_000

/** The main process that postmaster.pid names, when it lives and works in our data folder. */
export function findPostmaster({ data }: Placement): { postmaster: Postmaster; socketFolder: string } | undefined {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return undefined
  // Lines by their place: pid, data folder, start time, port, socket folder. See miscadmin.h (LOCK_FILE_LINE_*).
  const lines = readFileSync(file, 'utf8').split('\n')
  const pid = Number(lines[0])
  const mark = processMark(pid)
  if (mark === undefined) return undefined
  if (process.platform === 'linux' && !processesIn(data).includes(pid)) return undefined
  return { postmaster: watch(pid, mark), socketFolder: lines[4] ?? '' }
}

/**
 * Makes way for a start after a crash: waits for backends that outlived their main process, and removes lock files whose number
 * now belongs to a stranger or a zombie. PostgreSQL handles a number that nobody has, but takes those for itself.
 */
export async function clearAfterCrash({ data }: Placement, socketFolder: string): Promise<void> {
  for (const until = Date.now() + immediateMs; processesIn(data).length > 0; await sleep(50)) {
    if (Date.now() > until) {
      throw new ClusterError(
        `PostgreSQL processes of a crashed run are still at work: end ${processesIn(data).join(', ')}`,
      )
    }
  }
  // Without /proc there is no telling whose a number is: PostgreSQL's own check has to do.
  if (process.platform !== 'linux') return
  for (const file of [join(data, 'postmaster.pid'), join(socketFolder, `.s.PGSQL.${socketPort}.lock`)]) {
    if (!existsSync(file)) continue
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
    if (existsSync(`/proc/${pid}`)) rmSync(file, { force: true })
  }
}

/** Starts the main process in a session of its own: no signal meant for the server reaches it, and it outlives the server. */
export function launch(
  place: Placement,
  binaries: Binaries,
  user: SystemUser | undefined,
  args: string[],
): Promise<Postmaster> {
  const output = openSync(startupLog(place), 'w', 0o600)
  const child = spawn(join(binaries.bin, 'postgres'), args, {
    cwd: '/',
    env: programEnvironment,
    stdio: ['ignore', output, output],
    detached: true,
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  closeSync(output)
  child.unref()
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => {
      if (child.pid !== undefined) resolve(watch(child.pid, processMark(child.pid)))
    })
  })
}

/** Fast shutdown (checkpoint, clients cut off); when that takes too long immediate shutdown, from which the next start recovers. */
export async function stopPostmaster(
  postmaster: Postmaster,
  user: SystemUser | undefined,
  log: (line: string) => void,
): Promise<void> {
  if (!postmaster.alive()) return
  await signal(postmaster, 'INT', user)
  if (await ended(postmaster, fastMs)) return
  log(`PostgreSQL did not stop within ${fastMs / 1000} s and is stopped at once; the next start recovers`)
  await signal(postmaster, 'QUIT', user)
  if (await ended(postmaster, immediateMs)) return
  throw new ClusterError(`PostgreSQL (process ${postmaster.pid}) does not stop: end it by hand`)
}

/** Why it did not start, in its own words: the last grave line of its logs. */
export function lastWords(place: Placement): string {
  const logs = [...readdirSync(place.log).map((name) => join(place.log, name)), startupLog(place)]
  const byAge = logs.sort((one, other) => statSync(one).mtimeMs - statSync(other).mtimeMs)
  const lines = byAge.flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(-50))
  const grave = lines.filter((line) => /FATAL|PANIC|error while loading|ERROR/.test(line)).at(-1)
  return grave?.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, '') ?? `see ${place.log}`
}

function startupLog({ clusterDir }: Placement): string {
  return join(clusterDir, 'startup.log')
}

function watch(pid: number, mark: string | undefined): Postmaster {
  return { pid, alive: () => mark !== undefined && processMark(pid) === mark }
}

async function ended(postmaster: Postmaster, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; postmaster.alive(); await sleep(10)) {
    if (Date.now() > until) return false
  }
  return true
}

/**
 * As the cluster's account: the number comes from a file which that account can write, and root would end whatever stands there.
 */
async function signal({ pid, alive }: Postmaster, name: 'INT' | 'QUIT', user: SystemUser | undefined): Promise<void> {
  const result = await run(user, '/bin/sh', ['-c', 'kill -s "$1" "$2"', 'sh', name, String(pid)])
  if (result.code !== 0 && alive())
    throw new ClusterError(`PostgreSQL (process ${pid}) cannot be signalled: ${result.stderr.trim()}`)
}
