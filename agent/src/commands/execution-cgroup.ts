import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../platform/error-code.ts'

const REMOVE_ROUNDS = 40
const REMOVE_PAUSE_MS = 25
/** Nested cgroups that are looked into; a script that makes more of them is found by its other marks. */
const MAX_NESTED = 200

/**
 * A cgroup of its own for one execution (cgroups(7), version 2): what a script starts is born in it and cannot leave it
 * without root's rights, however it detaches itself.
 */
export class ExecutionCgroup {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Undefined where there is no cgroup2 hierarchy, or none that this process may write to. */
  static async create(commandId: string, parent = ownCgroup()): Promise<ExecutionCgroup | undefined> {
    if (parent === undefined) return undefined
    const path = groupPath(parent, commandId)
    try {
      await mkdir(path)
    } catch (error) {
      if (['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOSPC', 'EAGAIN', 'EBUSY'].includes(errorCode(error) ?? ''))
        return undefined
      if (errorCode(error) !== 'EEXIST') throw error
    }
    return new ExecutionCgroup(path)
  }

  /** The one that an earlier run of the agent left behind. */
  static async find(commandId: string, parent = ownCgroup()): Promise<ExecutionCgroup | undefined> {
    if (parent === undefined) return undefined
    const path = groupPath(parent, commandId)
    return (await exists(path)) ? new ExecutionCgroup(path) : undefined
  }

  get path(): string {
    return this.#path
  }

  /** A process that writes `0` here becomes a member, and its children are born as such. */
  get membersFile(): string {
    return join(this.#path, 'cgroup.procs')
  }

  /** Synchronous, for the same reason as the pass over /proc that it is part of. */
  members(): number[] {
    return this.#folders().flatMap((folder) => readMembers(join(folder, 'cgroup.procs')))
  }

  /** SIGKILL to all of them at once: no fork gets away. Where the kernel is older than 5.14 the caller's own way remains. */
  async kill(): Promise<void> {
    try {
      await writeFile(join(this.#path, 'cgroup.kill'), '1', { flag: 'r+' })
    } catch (error) {
      if (!['ENOENT', 'EACCES', 'EPERM', 'EOPNOTSUPP'].includes(errorCode(error) ?? '')) throw error
    }
  }

  /** True when it is gone. A killed process keeps it for a moment. */
  async remove(): Promise<boolean> {
    for (let round = 0; round < REMOVE_ROUNDS; round++) {
      if (await removeTree(this.#path)) return true
      await sleep(REMOVE_PAUSE_MS)
    }
    return false
  }

  #folders(): string[] {
    const folders = [this.#path]
    for (let n = 0; n < folders.length && folders.length < MAX_NESTED; n++) {
      const folder = folders[n]
      if (folder !== undefined) folders.push(...nestedFolders(folder))
    }
    return folders
  }
}

const groupPath = (parent: string, commandId: string) => join(parent, `breeze-${commandId}`)

/** The folder of this process's own cgroup: below it is where it may make others, also under systemd or in a container. */
function ownCgroup(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return cgroupFolder(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'EACCES') return undefined
    throw error
  }
}

/** proc_pid_mountinfo(5) and the `0::` line of cgroups(7). */
export function cgroupFolder(mountInfo: string, cgroups: string): string | undefined {
  const own = /^0::(\/.*)$/m.exec(cgroups)?.[1]
  // Outside of the visible hierarchy.
  if (own === undefined || own.startsWith('/..')) return undefined
  for (const line of mountInfo.split('\n')) {
    const [mount = '', filesystem = ''] = line.split(' - ')
    if (!filesystem.startsWith('cgroup2 ')) continue
    const [, , , root = '/', point] = mount.split(' ')
    if (point === undefined) continue
    const below = root === '/' ? own : own === root || own.startsWith(`${root}/`) ? own.slice(root.length) : undefined
    if (below !== undefined) return join(point, below).replace(/\/$/, '')
  }
  return undefined
}

function readMembers(path: string): number[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number)
  } catch (error) {
    // Removed in between, or a threaded group, whose members its parent lists.
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes(errorCode(error) ?? '')) return []
    throw error
  }
}

function nestedFolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [join(folder, e.name)] : []))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}

async function removeTree(path: string): Promise<boolean> {
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory() && !(await removeTree(join(path, entry.name)))) return false
    }
    await rmdir(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return false
    if (errorCode(error) === 'ENOENT') return true
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await readFile(join(path, 'cgroup.procs'))
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}
