import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { ClusterError } from './cluster-error.ts'
import { writeSecret } from './password.ts'
import { makePrivate, type Placement } from './placement.ts'
import { run, type SystemUser } from './system-user.ts'

/** The login that owns the cluster; migrations and workers use it, requests never do. */
export const ownerName = 'breeze'

/** The major version of the data, or undefined when there is no complete data folder yet. */
export function pinnedMajor({ data }: Placement): number | undefined {
  if (!existsSync(data)) return undefined
  const file = join(data, 'PG_VERSION')
  const major = existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) : Number.NaN
  if (Number.isInteger(major)) return major
  throw new ClusterError(
    `${data} is not a complete PostgreSQL data folder: restore it from a backup, or move it away to start empty`,
  )
}

/**
 * Makes the data folder. It is made under another name and renamed when whole, so `data` itself is the mark of a finished
 * initdb and whatever a crash left behind is thrown away.
 */
export async function initialise(
  place: Placement,
  binaries: Binaries,
  user: SystemUser | undefined,
  password: string,
  durable: boolean,
): Promise<void> {
  removeHalfMade(place.clusterDir)
  const fresh = join(place.clusterDir, `data-fresh-${process.pid}`)
  const passwordFile = join(place.clusterDir, `initdb-password-${process.pid}`)
  makePrivate(fresh, user)
  try {
    writeSecret(passwordFile, password)
    if (user) chownSync(passwordFile, user.uid, user.gid)
    const locale = await localeArguments(binaries)
    const sync = durable ? [] : ['--no-sync']
    const access = ['-U', ownerName, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
    const shape = ['--encoding=UTF8', '--data-checksums', '--no-instructions']
    const args = ['-D', fresh, ...access, ...shape, ...locale, ...sync]
    const result = await run(user, join(binaries.bin, 'initdb'), args)
    if (result.code !== 0) {
      throw new ClusterError(
        `initdb failed in ${place.clusterDir}: ${result.stderr.trim().split('\n').slice(-2).join(' ')}`,
      )
    }
  } finally {
    rmSync(passwordFile, { force: true })
  }
  writeFileSync(join(place.clusterDir, 'VERSION'), versionText(binaries.major))
  renameSync(fresh, place.data)
  syncFolder(place.clusterDir)
}

/** Orders by code point everywhere and for ever: an operating system's collations change under an index's feet. */
async function localeArguments({ major }: Binaries): Promise<string[]> {
  if (major >= 17) return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const { stdout } = await run(undefined, 'locale', ['-a'])
  const ctype = /^C\.utf-?8$/im.exec(stdout)?.[0] ?? 'C'
  return ['--locale-provider=libc', '--locale=C', `--lc-ctype=${ctype}`]
}

function removeHalfMade(clusterDir: string): void {
  for (const name of readdirSync(clusterDir)) {
    if (!/^(data-fresh|initdb-password)-/.test(name)) continue
    // An orphaned initdb may still be writing for a moment.
    rmSync(join(clusterDir, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

function versionText(major: number): string {
  return `${major}

The database in this folder was made by PostgreSQL ${major} and only PostgreSQL ${major} can open it.
To move to another major version:
  1. start the server with PostgreSQL ${major} installed, then run PostgreSQL ${major}'s pg_dumpall against the socket in "run"
     (user ${ownerName}, password in keys/postgres-owner of the data folder) and keep the file safe;
  2. stop the server and move this whole folder away;
  3. start the server once to make a new, empty cluster, stop serving, and feed the file to psql on the new socket;
  4. start again; when everything is there, delete the folder that you moved away.
`
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
