import { printableLine } from '../../printable.ts'

/** passwd(5), group(5), shadow(5). A line that is not one of theirs is left out: NIS entries, comments, half a line. */

export interface Account {
  name: string
  uid: number
  gid: number
  /** The first part of the GECOS field. */
  displayName: string | null
  shell: string
  /** Of the old kind of file, which holds it itself; `elsewhere` where it is in /etc/shadow. */
  password: PasswordState | 'elsewhere'
}

export interface Group {
  name: string
  gid: number
  members: string[]
}

export type PasswordState = 'set' | 'locked' | 'none'

export interface ShadowState {
  password: PasswordState
  changedOn: string | null
  expired: boolean
}

export function parsePasswd(text: string): Account[] {
  const accounts: Account[] = []
  for (const line of text.split('\n')) {
    const fields = line.split(':')
    const [name, password, uid, gid, gecos = '', , shell = ''] = fields
    if (fields.length < 7 || !name || !isNumber(uid) || !isNumber(gid) || /^[#+-]/.test(name)) continue
    accounts.push({
      name,
      uid: Number(uid),
      gid: Number(gid),
      displayName: printableLine(gecos.split(',')[0] ?? '', 200) || null,
      shell: shell.trim(),
      password: password === 'x' ? 'elsewhere' : passwordState(password ?? ''),
    })
  }
  return accounts
}

export function parseGroup(text: string): Group[] {
  const groups: Group[] = []
  for (const line of text.split('\n')) {
    const [name, , gid, members] = line.split(':')
    if (!name || !isNumber(gid) || members === undefined || /^[#+-]/.test(name)) continue
    groups.push({
      name,
      gid: Number(gid),
      members: members
        .split(',')
        .map((member) => member.trim())
        .filter((member) => member !== ''),
    })
  }
  return groups
}

/** Only what the hash says about itself: no part of one is kept. */
export function parseShadow(text: string, today: number): Map<string, ShadowState> {
  const states = new Map<string, ShadowState>()
  for (const line of text.split('\n')) {
    const [name, password, changed, , , , , expires] = line.split(':')
    if (!name || password === undefined) continue
    states.set(name, {
      password: passwordState(password),
      changedOn: dateOfDay(changed),
      expired: isNumber(expires) && today >= Number(expires),
    })
  }
  return states
}

/** As `passwd --status` tells them apart. */
function passwordState(field: string): PasswordState {
  if (field === '') return 'none'
  return field.startsWith('!') || field.startsWith('*') ? 'locked' : 'set'
}

/** Days since 1970. Zero is no date: the password must be changed at the next sign-in. */
function dateOfDay(text: string | undefined): string | null {
  if (!isNumber(text) || Number(text) === 0 || Number(text) > 2_900_000) return null
  return new Date(Number(text) * 86_400_000).toISOString().slice(0, 10)
}

export function daysSinceEpoch(now: Date): number {
  return Math.floor(now.getTime() / 86_400_000)
}

const NO_SHELL = new Set(['nologin', 'false', 'true', 'sync', 'halt', 'shutdown', 'null'])

/** An empty shell is /bin/sh (passwd(5)). */
export function isInteractive(shell: string): boolean {
  return !NO_SHELL.has(shell.slice(shell.lastIndexOf('/') + 1))
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text)
}
