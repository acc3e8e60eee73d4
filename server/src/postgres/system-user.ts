import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { ClusterError, codeOf } from './cluster-error.ts'

/** The account the cluster runs as when we are root: PostgreSQL refuses to run as root. */
export interface SystemUser {
  name: string
  uid: number
  gid: number
}

interface Finished {
  code: number
  stdout: string
  stderr: string
}

const ownAccount = 'breeze-postgres'
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * What PostgreSQL's programs see of our environment: nothing. Secrets stay ours, and PGDATA, PGPORT or a locale from the
 * caller's shell change nothing.
 */
export const programEnvironment = { PATH: searchPath, LC_ALL: 'C', TZ: 'UTC' }

/** The account to run the cluster as, or undefined when that is our own. Creates one where a root has none to give. */
export async function findClusterUser(log: (line: string) => void): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const existing = (await lookUp('postgres')) ?? (await lookUp(ownAccount))
  if (existing) return existing
  await createAccount()
  const created = await lookUp(ownAccount)
  if (!created) throw cannotCreate('it does not appear in the user database')
  log(`created the system user ${ownAccount}: PostgreSQL does not run as root`)
  return created
}

/**
 * The account to run an existing data folder as: the one it belongs to. A `postgres` installed later, or a first run as an
 * ordinary user and the next with sudo, must not lock us out of our own data.
 */
export function ownerOf(data: string, otherwise: SystemUser | undefined): SystemUser | undefined {
  const found = statSync(data, { throwIfNoEntry: false })
  if (otherwise === undefined || found === undefined || found.uid === 0) return otherwise
  return found.uid === otherwise.uid ? otherwise : { name: `uid ${found.uid}`, uid: found.uid, gid: found.gid }
}

/** Runs a short program to its end, as the cluster's account where there is one, with a limit on its time. */
export function run(
  user: SystemUser | undefined,
  command: string,
  args: string[],
  timeout = 120_000,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: '/',
      env: programEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 1, stdout, stderr: signal ? `${stderr}ended by ${signal}` : stderr }),
    )
  })
}

/** Whether a program runs and succeeds for this account; an unreachable or unexecutable file counts as no. */
export async function succeeds(user: SystemUser | undefined, command: string, args: string[]): Promise<boolean> {
  try {
    return (await run(user, command, args, 20_000)).code === 0
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOEXEC', 'ENOTDIR', 'EPERM'].includes(codeOf(error) ?? '')) return false
    throw error
  }
}

/** Whether this account can enter a folder, access lists and all: it tries. */
export function canEnter(user: SystemUser, folder: string): Promise<boolean> {
  return succeeds(user, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder])
}

async function lookUp(name: string): Promise<SystemUser | undefined> {
  const uid = await run(undefined, 'id', ['-u', name])
  const gid = await run(undefined, 'id', ['-g', name])
  if (uid.code !== 0 || gid.code !== 0) return undefined
  const user = { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
  return user.uid > 0 ? user : undefined
}

async function createAccount(): Promise<void> {
  const useradd = [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
  ]
  const adduser = ['-S', '-D', '-H', '-s', '/sbin/nologin']
  const tool = ['/usr/sbin/useradd', '/usr/sbin/adduser'].find((file) => existsSync(file))
  if (tool === undefined) throw cannotCreate('neither useradd nor adduser is installed')
  const result = await run(undefined, tool, [...(tool.endsWith('useradd') ? useradd : adduser), ownAccount])
  if (result.code !== 0) throw cannotCreate(result.stderr.trim().split('\n').at(-1) ?? '')
}

function cannotCreate(reason: string): ClusterError {
  return new ClusterError(
    `PostgreSQL does not run as root and the system user ${ownAccount} could not be created (${reason}): ` +
      'create it, or run the server as an ordinary user',
  )
}
