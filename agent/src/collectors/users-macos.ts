import type { SectionData } from '@breeze/contract/agent-inventory'
import { isInteractive } from '../platform/linux/accounts.ts'
import { YearGuess } from '../platform/linux/log-lines.ts'
import { runProgram } from '../platform/run-program.ts'
import { printableLine } from '../printable.ts'

type Users = SectionData<'users'>
type User = Users['users'][number]
const MAX_USERS = 2000
const MAX_SESSIONS = 500
/** Nested groups are asked for person by person; a service's account is never in them. */
const MAX_MEMBERSHIPS = 50
const FIRST_PERSON = 500
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const KEYS = ['UniqueID', 'RealName', 'UserShell', 'AuthenticationAuthority']

export async function macosUsers(now = new Date()): Promise<Users> {
  const records = parseRecords(await output('/usr/bin/dscl', ['.', '-readall', '/Users', 'RecordName', ...KEYS]))
  const members = new Set(
    parseMembers(await output('/usr/bin/dscl', ['.', '-read', '/Groups/admin', 'GroupMembership'])),
  )
  const users = records.map((record) => userOf(record, members)).filter((user) => user !== undefined)
  await askMemberships(users)
  return {
    users: users.slice(0, MAX_USERS),
    sessions: parseWho(await output('/usr/bin/who', []), now).slice(0, MAX_SESSIONS),
    incomplete: ['the last sign-in and the age of passwords are not read on macOS'],
  }
}

async function askMemberships(users: User[]): Promise<void> {
  const people = users.filter(({ id, administrator }) => !administrator && Number(id) >= FIRST_PERSON)
  for (const user of people.slice(0, MAX_MEMBERSHIPS)) {
    // A name with a dash before it would be an option.
    if (user.name.startsWith('-')) continue
    const { stdout } = await runProgram('/usr/sbin/dseditgroup', ['-o', 'checkmember', '-m', user.name, 'admin'])
    user.administrator = parseCheckMember(stdout)
  }
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await runProgram(program, args, { timeoutMs: 30_000, maxBytes: 16_000_000 })
  if (exitCode !== 0) throw new Error(`${program} ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`)
  return stdout
}

/** Records end with a line of one dash; a value with blanks, or a second one, is on a line of its own behind a blank. */
export function parseRecords(text: string): Map<string, string[]>[] {
  const records: Map<string, string[]>[] = []
  let record = new Map<string, string[]>()
  let values: string[] = []
  const end = () => {
    if (record.size > 0) records.push(record)
    record = new Map()
  }
  for (const line of text.split('\n')) {
    if (line === '-') {
      end()
      continue
    }
    const [, key, value = ''] = /^(?:dsAttrTypeNative:|dsAttrTypeStandard:)?(\w+):(?: (.*))?$/.exec(line) ?? []
    if (key !== undefined && !line.startsWith(' ')) {
      values = value === '' ? [] : [value]
      record.set(key, values)
    } else if (line.startsWith(' ')) values.push(line.slice(1))
  }
  end()
  return records
}

export function userOf(record: ReadonlyMap<string, string[]>, administrators: ReadonlySet<string>): User | undefined {
  const name = record.get('RecordName')?.[0]?.split(' ')[0]
  const id = record.get('UniqueID')?.[0]
  if (!name || id === undefined || !/^-?\d+$/.test(id)) return undefined
  const authority = (record.get('AuthenticationAuthority') ?? []).join(' ')
  return {
    name: printableLine(name, 128),
    id,
    displayName: printableLine(record.get('RealName')?.join(' ') ?? '', 200) || null,
    administrator: id === '0' || administrators.has(name),
    enabled: !authority.includes(';DisabledUser;'),
    interactive: isInteractive(record.get('UserShell')?.[0] ?? '/usr/bin/false'),
    password: authority.includes(';ShadowHash;') ? 'set' : authority === '' ? 'locked' : null,
    passwordChangedOn: null,
    lastSignInAt: null,
  }
}

export function parseMembers(text: string): string[] {
  return (/^GroupMembership:\s*([\s\S]*)$/m.exec(text)?.[1] ?? '').split(/\s+/).filter(Boolean)
}

/** `yes anna is a member of admin`. */
export function parseCheckMember(text: string): boolean {
  return /^yes\b/i.test(text.trim())
}

/** `anna     ttys001  Nov 25 10:00 	(192.0.2.7)`: local time without a year. */
export function parseWho(text: string, now: Date): Users['sessions'] {
  const sessions: Users['sessions'] = []
  for (const line of text.split('\n')) {
    const [, user, terminal, month = '', day, hour, minute, from] =
      /^(\S+)\s+(\S+)\s+([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d\d):(\d\d)\s*(?:\((.*)\))?\s*$/.exec(line) ?? []
    if (user === undefined || terminal === undefined) continue
    const since = new YearGuess().date(MONTHS.indexOf(month), [Number(day), Number(hour), Number(minute), 0], now)
    sessions.push({
      user: printableLine(user, 128),
      terminal: printableLine(terminal, 60),
      since: since?.toISOString() ?? null,
      from: printableLine(from ?? '', 100) || null,
    })
  }
  return sessions
}
