import { isAbsolute, join } from 'node:path'

/**
 * Who may become root by sudoers(5): those whom a rule lets run ALL commands as root. A rule for single commands makes
 * nobody an administrator here, even where the command would lead to a root shell.
 */
export interface SudoGrants {
  users: Set<string>
  uids: Set<number>
  groups: Set<string>
  gids: Set<number>
  everyone: boolean
  /** What could not be followed, in words. */
  unclear: string[]
}

export interface SudoersFiles {
  /** Undefined where there is no such file. */
  read(path: string): Promise<string | undefined>
  /** Names in a folder; empty where there is none. */
  list(path: string): Promise<string[]>
}

const MAX_FILES = 200
const MAX_UNCLEAR = 20
type Aliases = Map<string, string[]>

interface Statements {
  lines: string[]
  unclear: string[]
}

export async function readSudoers(files: SudoersFiles, hostname: string): Promise<SudoGrants> {
  const statements: Statements = { lines: [], unclear: [] }
  await readFile('/etc/sudoers', files, hostname, statements, { files: 0 })
  return grantsOf(statements, hostname)
}

async function readFile(
  path: string,
  files: SudoersFiles,
  hostname: string,
  into: Statements,
  budget: { files: number },
): Promise<void> {
  if (++budget.files > MAX_FILES) {
    if (budget.files === MAX_FILES + 1) into.unclear.push('more sudoers files than are read')
    return
  }
  const text = await files.read(path)
  if (text === undefined) return
  for (const line of logicalLines(text)) {
    const include = /^[@#](include|includedir)\s+(.+)$/.exec(line)
    if (!include) {
      into.lines.push(line)
      continue
    }
    const target = includePath(include[2] ?? '', hostname)
    if (include[1] === 'include') {
      await readFile(target, files, hostname, into, budget)
      continue
    }
    for (const name of (await files.list(target)).sort()) {
      // Names with a dot or a tilde at the end are skipped by sudo itself.
      if (!name.includes('.') && !name.endsWith('~')) await readFile(join(target, name), files, hostname, into, budget)
    }
  }
}

function includePath(text: string, hostname: string): string {
  const path = text
    .trim()
    .replaceAll(/^"|"$/g, '')
    .replaceAll(/\\(.)/g, '$1')
    .replaceAll('%h', hostname.split('.')[0] ?? '')
  return isAbsolute(path) ? path : join('/etc', path)
}

/** Without comments, with continued lines joined. `#1000` is a user id and `#include` an order, not comments. */
function logicalLines(text: string): string[] {
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#(?!\d|include(dir)?\s).*$/, '').trim())
    .filter((line) => line !== '')
}

function grantsOf({ lines, unclear }: Statements, hostname: string): SudoGrants {
  const aliases = readAliases(lines)
  const grants: SudoGrants = {
    users: new Set(),
    uids: new Set(),
    groups: new Set(),
    gids: new Set(),
    everyone: false,
    unclear,
  }
  for (const line of lines) {
    if (/^(Defaults\b|(User|Runas|Host|Cmnd|Cmd)_Alias\s)/.test(line)) continue
    const rule = splitRule(line)
    if (rule && rule.privileges.some((privilege) => grantsAll(privilege, aliases, hostname, unclear))) {
      for (const who of rule.users) addWho(who, aliases, grants, new Set())
    }
  }
  grants.unclear = [...new Set(unclear)].slice(0, MAX_UNCLEAR)
  return grants
}

/** `User_Alias ADMINS = anna, %ops : OTHERS = bert`. Names of all four kinds share one space here: they rarely clash. */
function readAliases(lines: readonly string[]): Aliases {
  const aliases: Aliases = new Map()
  for (const line of lines) {
    const body = /^(?:User|Runas|Host|Cmnd|Cmd)_Alias\s+(.+)$/.exec(line)?.[1]
    if (body === undefined) continue
    for (const part of body.split(/\s+:\s+(?=[A-Z][A-Z0-9_]*\s*=)/)) {
      const match = /^([A-Z][A-Z0-9_]*)\s*=\s*(.+)$/.exec(part.trim())
      if (match?.[1] !== undefined && match[2] !== undefined) aliases.set(match[1], splitList(match[2]))
    }
  }
  return aliases
}

interface Privilege {
  hosts: string[]
  specification: string
}

/** `users hosts = specification : hosts = specification`. */
function splitRule(line: string): { users: string[]; privileges: Privilege[] } | undefined {
  const equals = line.indexOf('=')
  if (equals < 0) return undefined
  // Lists may have blanks after their commas; the last blank-separated list before the sign is the hosts.
  const left = line
    .slice(0, equals)
    .trim()
    .replaceAll(/\s*,\s*/g, ',')
  const [, users, hosts] = /^(.*\S)\s+(\S+)$/.exec(left) ?? []
  if (users === undefined || hosts === undefined) return undefined
  const [first = '', ...more] = line.slice(equals + 1).split(/\s+:\s+(?=[^=:]+=)/)
  const privileges = [{ hosts: splitList(hosts), specification: first }]
  for (const part of more) {
    const at = part.indexOf('=')
    privileges.push({ hosts: splitList(part.slice(0, at)), specification: part.slice(at + 1) })
  }
  return { users: splitList(users), privileges }
}

function splitList(text: string): string[] {
  return text
    .split(/(?<!\\),/)
    .map((item) => item.trim().replaceAll(/^"|"$/g, '').replaceAll(/\\(.)/g, '$1'))
    .filter((item) => item !== '')
}

/** Whether ALL commands may be run as root on this host. */
function grantsAll({ hosts, specification }: Privilege, aliases: Aliases, hostname: string, unclear: string[]) {
  if (!appliesHere(hosts, aliases, hostname, unclear)) return false
  let runAs = ['root']
  let all = false
  for (const item of specification.split(/(?<!\\),(?![^(]*\))/)) {
    const { runAs: changed, command } = readCommand(item)
    // A run-as list holds for what follows it, until the next one.
    if (changed) runAs = changed
    if (!mentionsRoot(runAs, aliases)) continue
    if (isAll(command, aliases)) all = true
    else if (all && command.startsWith('!')) unclear.push('a sudo rule grants all commands but some')
  }
  return all
}

function readCommand(item: string): { runAs: string[] | undefined; command: string } {
  let rest = item.trim()
  let runAs: string[] | undefined
  const list = /^\(([^)]*)\)\s*/.exec(rest)
  if (list) {
    // `(:group)` keeps the user; `()` is the user itself.
    const users = (list[1] ?? '').split(':')[0] ?? ''
    runAs = users.trim() === '' ? [] : splitList(users)
    rest = rest.slice(list[0].length)
  }
  // Tags and options stand before the command: `NOPASSWD: `, `TIMEOUT=1m `.
  rest = rest.replace(/^((?:[A-Z_]+\s*:|(?:ROLE|TYPE|CWD|CHROOT|TIMEOUT|NOTBEFORE|NOTAFTER)=\S+)\s*)+/, '')
  return { runAs, command: rest.trim() }
}

function mentionsRoot(list: readonly string[], aliases: Aliases, seen = new Set<string>()): boolean {
  if (list.some((item) => item === '!root' || item === '!#0')) return false
  return list.some((item) => {
    if (item === 'ALL' || item === 'root' || item === '#0') return true
    return expand(item, aliases, seen)?.some((inner) => mentionsRoot([inner], aliases, seen)) ?? false
  })
}

function isAll(command: string, aliases: Aliases, seen = new Set<string>()): boolean {
  if (command === 'ALL') return true
  return expand(command, aliases, seen)?.some((inner) => isAll(inner, aliases, seen)) ?? false
}

function expand(name: string, aliases: Aliases, seen: Set<string>): string[] | undefined {
  if (seen.has(name)) return undefined
  seen.add(name)
  return aliases.get(name)
}

function appliesHere(
  hosts: readonly string[],
  aliases: Aliases,
  hostname: string,
  unclear: string[],
  seen = new Set<string>(),
): boolean {
  const names = new Set([hostname, hostname.split('.')[0]])
  return hosts.some((host) => {
    if (host === 'ALL' || names.has(host)) return true
    const inner = expand(host, aliases, seen)
    if (inner) return appliesHere(inner, aliases, hostname, unclear, seen)
    if (/^[+!]|[*?[/:]|^\d+\./.test(host)) unclear.push(`a sudo rule for the host ${host.slice(0, 60)}`)
    return false
  })
}

function addWho(who: string, aliases: Aliases, grants: SudoGrants, seen: Set<string>): void {
  const inner = expand(who, aliases, seen)
  if (inner) {
    for (const item of inner) addWho(item, aliases, grants, seen)
  } else if (who === 'ALL') grants.everyone = true
  else if (/^%#\d+$/.test(who)) grants.gids.add(Number(who.slice(2)))
  else if (/^#\d+$/.test(who)) grants.uids.add(Number(who.slice(1)))
  else if (/^(!|\+|%:|%\+)/.test(who)) grants.unclear.push(`a sudo rule for ${who.slice(0, 100)}`)
  else if (who.startsWith('%')) grants.groups.add(who.slice(1))
  else grants.users.add(who)
}
