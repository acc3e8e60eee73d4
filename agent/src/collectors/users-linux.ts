import { readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { SectionData } from '@breeze/contract/agent-inventory'
import { errorCode } from '../platform/error-code.ts'
import { readText, readTextIfPresent } from '../platform/linux.ts'
import {
  type Account,
  daysSinceEpoch,
  type Group,
  isInteractive,
  parseGroup,
  parsePasswd,
  parseShadow,
  type ShadowState,
} from '../platform/linux/accounts.ts'
import { lastSignIns } from '../platform/linux/sign-ins.ts'
import { signedIn } from '../platform/linux/sessions.ts'
import { readSudoers, type SudoGrants } from '../platform/linux/sudoers.ts'
import { clip } from './section.ts'

const MAX_USERS = 2000
const MAX_SESSIONS = 500
/** By convention those who may become root, whatever sudoers says of them. */
const ADMIN_GROUPS = ['sudo', 'wheel', 'admin']

type Users = SectionData<'users'>

/** The accounts of this device's own files; `root` is for tests. */
export async function linuxUsers(now = new Date(), root = ''): Promise<Users> {
  const incomplete: string[] = []
  const accounts = parsePasswd(await readText(`${root}/etc/passwd`)).slice(0, MAX_USERS)
  const groups = parseGroup((await readTextIfPresent(`${root}/etc/group`)) ?? '')
  const shadow = await readShadow(`${root}/etc/shadow`, now, incomplete)
  const isAdministrator = administrators(groups, await grants(root, incomplete))
  const seen = await lastSignIns(accounts, root)
  const sessions = await signedIn(root)
  if (!sessions) incomplete.push('this system keeps no record of who is signed in')
  return {
    users: accounts.map((account) => ({
      name: clip(account.name, 128),
      id: String(account.uid),
      displayName: account.displayName && clip(account.displayName, 200),
      administrator: isAdministrator(account),
      interactive: isInteractive(account.shell),
      ...passwordOf(account, shadow),
      lastSignInAt: seen.get(account.name)?.toISOString() ?? null,
    })),
    sessions: (sessions ?? []).slice(0, MAX_SESSIONS).map(({ user, terminal, since, from }) => ({
      user: clip(user, 128),
      terminal: clip(terminal, 60),
      since: since?.toISOString() ?? null,
      from: from && clip(from, 100),
    })),
    ...(incomplete.length > 0 && { incomplete: incomplete.slice(0, 20).map((text) => clip(text, 200)) }),
  }
}

type Password = Pick<Users['users'][number], 'enabled' | 'password' | 'passwordChangedOn'>

function passwordOf(account: Account, shadow: ReadonlyMap<string, ShadowState> | undefined): Password {
  if (account.password !== 'elsewhere') return { enabled: true, password: account.password, passwordChangedOn: null }
  if (!shadow) return { enabled: null, password: null, passwordChangedOn: null }
  const state = shadow.get(account.name)
  // Its password is to be in the shadow file and is not: nobody signs in with one.
  if (!state) return { enabled: true, password: 'locked', passwordChangedOn: null }
  return { enabled: !state.expired, password: state.password, passwordChangedOn: state.changedOn }
}

function administrators(groups: readonly Group[], sudo: SudoGrants): (account: Account) => boolean {
  const granting = groups.filter(
    ({ name, gid }) => ADMIN_GROUPS.includes(name) || sudo.groups.has(name) || sudo.gids.has(gid),
  )
  const members = new Set(granting.flatMap((group) => group.members))
  const gids = new Set([...granting.map((group) => group.gid), ...sudo.gids])
  return ({ name, uid, gid }) =>
    uid === 0 || members.has(name) || gids.has(gid) || sudo.users.has(name) || sudo.uids.has(uid) || sudo.everyone
}

async function readShadow(path: string, now: Date, incomplete: string[]) {
  try {
    const text = await readTextIfPresent(path)
    return text === undefined ? undefined : parseShadow(text, daysSinceEpoch(now))
  } catch (error) {
    if (!isDenied(error)) throw error
    incomplete.push('passwords: /etc/shadow may be read by root only')
    return undefined
  }
}

async function grants(root: string, incomplete: string[]): Promise<SudoGrants> {
  const unread = (error: unknown) => {
    const reason = isDenied(error) ? 'may be read by root only' : `could not be read (${errorCode(error) ?? 'no code'})`
    incomplete.push(`administrators: some of the sudo rules ${reason}`)
  }
  const sudo = await readSudoers(
    {
      read: (path) => readTextIfPresent(root + path).catch((error: unknown) => (unread(error), undefined)),
      list: async (path) => {
        try {
          return await readdir(root + path)
        } catch (error) {
          if (errorCode(error) !== 'ENOENT') unread(error)
          return []
        }
      },
    },
    hostname(),
  )
  incomplete.push(...sudo.unclear)
  const directory = /^sudoers:\s*(.+)$/m.exec((await readTextIfPresent(`${root}/etc/nsswitch.conf`)) ?? '')?.[1]
  if (directory && /ldap|sss/.test(directory)) incomplete.push('administrators: sudo rules of a directory are not read')
  return sudo
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(errorCode(error) ?? '')
}
