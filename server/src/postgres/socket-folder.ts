import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClusterError } from './cluster-error.ts'
import { isPrivate, makePrivate, type Placement } from './placement.ts'
import type { SystemUser } from './system-user.ts'

/** Only names the socket file: the cluster listens on no network. */
export const socketPort = 5432

/** sockaddr_un.sun_path is 108 bytes with its closing zero, unix(7). */
const longestSocketPath = 107

/**
 * The folder of the cluster's socket: `run` beside the data, or, where that path is too long for a socket, a folder with a
 * random name made for us alone. A folder that was there before is used only when it is ours, closed and no link.
 */
export function prepareSocketFolder({ clusterDir }: Placement, user: SystemUser | undefined): string {
  const inside = join(clusterDir, 'run')
  if (fits(inside)) {
    makePrivate(inside, user)
    return inside
  }
  const record = join(clusterDir, 'socket-folder')
  const recorded = existsSync(record) ? readFileSync(record, 'utf8').trim() : undefined
  if (recorded !== undefined && isPrivate(recorded, user)) return recorded
  const made = mkdtempSync(join(shortBase(user), 'breeze-'))
  if (user) chownSync(made, user.uid, user.gid)
  if (!fits(made) || !isPrivate(made, user))
    throw new ClusterError(`no safe folder for the database's socket: ${made} is not`)
  writeFileSync(record, made)
  return made
}

/** Removes a folder that lies outside the cluster's own, once nothing listens there. */
export function removeSocketFolder({ clusterDir }: Placement, folder: string, user: SystemUser | undefined): void {
  if (folder === join(clusterDir, 'run') || !isPrivate(folder, user)) return
  rmSync(folder, { recursive: true, force: true })
  rmSync(join(clusterDir, 'socket-folder'), { force: true })
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${socketPort}`)) <= longestSocketPath
}

function shortBase(user: SystemUser | undefined): string {
  if (user) return existsSync('/run') ? '/run' : '/tmp'
  // The user's own folder for sockets, where the system makes one.
  const runtime = `/run/user/${process.getuid?.() ?? ''}`
  return existsSync(runtime) && isPrivate(runtime, undefined) ? runtime : '/tmp'
}
