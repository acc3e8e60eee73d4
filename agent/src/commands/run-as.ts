import { type Account, findAccount } from '../platform/linux/find-account.ts'
import { runProgram } from '../platform/run-program.ts'
import { findProgram } from './interpreters.ts'

/** Where an ordinary user finds programs; the agent's own path may lead through folders only root can enter. */
export const USERS_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const ENTER_TIMEOUT_MS = 10_000

/** A user of the device and the way to become that user. */
export interface RunAs {
  account: Account
  /** Before a program and its arguments. */
  prefix: readonly string[]
}

/** Why this agent can't run anything as somebody else. */
export async function runAsUnsupported(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `scripts as another user are not supported on ${process.platform}`
  if (process.getuid?.() !== 0) return 'scripts as another user need the agent to run as root'
  if (!(await findProgram('setpriv', USERS_PATH))) return 'setpriv (util-linux) is not installed'
  return undefined
}

/** Undefined when the device has no such user. The supplementary groups are that user's, and none of the agent's. */
export async function resolveRunAs(name: string): Promise<RunAs | undefined> {
  const [account, setpriv] = await Promise.all([findAccount(name), findProgram('setpriv', USERS_PATH)])
  if (!account) return undefined
  if (!setpriv) throw new Error('setpriv has gone')
  const { uid, gid } = account
  return { account, prefix: [setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--inh-caps=-all', '--'] }
}

export async function mayEnter({ prefix }: RunAs, folder: string): Promise<boolean> {
  const [program = '', ...args] = [...prefix, '/usr/bin/test', '-x', folder]
  const { exitCode } = await runProgram(program, args, { timeoutMs: ENTER_TIMEOUT_MS })
  return exitCode === 0
}
