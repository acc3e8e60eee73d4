import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ClusterError } from './cluster-error.ts'
import { canEnter, type SystemUser } from './system-user.ts'

const sharedFolder = '/var/lib/breeze'

/**
 * The folder of everything PostgreSQL needs. It belongs to us, never to the cluster's account: only `data`, `log` and `run`
 * inside do, so that a database superuser gone bad cannot lead a server that runs as root through links of its making.
 */
export interface Placement {
  clusterDir: string
  /** PostgreSQL's own data folder; it exists once it is complete. */
  data: string
  log: string
}

/**
 * Decides where the cluster of a data folder lies: inside it, or under /var/lib/breeze where the cluster's account cannot
 * reach it (a clone in root's closed home). Decided once and written down: a later change of modes never moves a database.
 */
export async function placeCluster(
  dataDir: string,
  user: SystemUser | undefined,
  log: (line: string) => void,
): Promise<Placement> {
  makePassable(dataDir, user)
  const pointer = join(dataDir, 'postgres-location')
  const chosen = existsSync(pointer) ? readPointer(pointer) : await choose(realpathSync(dataDir), pointer, user, log)
  makePassable(chosen, user)
  // PostgreSQL's processes are recognised by their working folder, which the system reports without links.
  const clusterDir = realpathSync(chosen)
  return { clusterDir, data: join(clusterDir, 'data'), log: join(clusterDir, 'log') }
}

/** A new folder that nobody else may list, but that the cluster's account, where there is one, can pass through. */
function makePassable(folder: string, user: SystemUser | undefined): void {
  if (existsSync(folder)) return
  mkdirSync(folder, { recursive: true })
  // By chmod, because a strict umask would close it to that account too.
  chmodSync(folder, user ? 0o711 : 0o700)
}

/** A 0700 folder of the cluster's account inside a folder of ours. */
export function makePrivate(folder: string, user: SystemUser | undefined): void {
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 })
    if (user) chownSync(folder, user.uid, user.gid)
  }
  if (!isPrivate(folder, user)) {
    throw new ClusterError(`${folder} must be a folder with mode 0700 that belongs to ${user?.name ?? 'this user'}`)
  }
}

/** Whether this is a real folder (no link) that belongs to the cluster's account and that nobody else can enter. */
export function isPrivate(folder: string, user: SystemUser | undefined): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  const owner = user?.uid ?? process.getuid?.()
  return found !== undefined && found.isDirectory() && found.uid === owner && (found.mode & 0o077) === 0
}

async function choose(
  dataDir: string,
  pointer: string,
  user: SystemUser | undefined,
  log: (line: string) => void,
): Promise<string> {
  const inside = join(dataDir, 'postgres')
  if (user === undefined || existsSync(inside) || (await canEnter(user, dataDir))) return inside
  if (!existsSync(sharedFolder)) {
    mkdirSync(sharedFolder, { recursive: true })
    chmodSync(sharedFolder, 0o755)
  }
  const found = lstatSync(sharedFolder)
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new ClusterError(`${sharedFolder} must be a folder that belongs to root and that nobody else may write to`)
  }
  const outside = join(sharedFolder, createHash('sha256').update(dataDir).digest('hex').slice(0, 16))
  if (existsSync(join(outside, 'data'))) {
    throw new ClusterError(
      `${outside} holds a database that was made for ${dataDir}, which does not name it: ` +
        `write that path into ${pointer} to use it, or move it away to start empty`,
    )
  }
  writeFileSync(pointer, `${outside}\n`, { mode: 0o600 })
  log(`the database lies in ${outside}: the system user ${user.name} cannot enter ${dataDir}`)
  return outside
}

function readPointer(pointer: string): string {
  const target = readFileSync(pointer, 'utf8').trim()
  if (existsSync(target) || !existsSync(join(pointer, '..', 'keys', 'postgres-owner'))) return target
  throw new ClusterError(
    `the database of this data folder was in ${target} and is gone: restore it there, or delete ${pointer} to start empty`,
  )
}
