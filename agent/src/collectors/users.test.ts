import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { usersSection } from '@breeze/contract/agent-inventory'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { signedIn } from '../platform/linux/sessions.ts'
import { Inventory } from './collect.ts'
import { linuxUsers } from './users-linux.ts'

const run = (program: string, ...args: string[]) => execFileSync(program, args, { env: { ...process.env, TZ: 'UTC' } })
const lines = (program: string, ...args: string[]) =>
  run(program, ...args)
    .toString()
    .trim()
    .split('\n')
const isRoot = process.getuid?.() === 0

/** The system's calls of this process, as somebody without rights. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return await work()
  process.seteuid?.(65_534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

describe('on this machine', () => {
  test('the accounts are those of getent, line by line', async () => {
    const { users } = await linuxUsers()
    expect(users.map(({ name, id, displayName }) => `${name}:${id}:${displayName ?? ''}`)).toEqual(
      lines('getent', '-s', 'files', 'passwd').map((line) => {
        const [name, , uid, , gecos = ''] = line.split(':')
        return `${name}:${uid}:${gecos.split(',')[0]}`
      }),
    )
  })

  test('administrators are root and who id counts into an administrators’ group', async () => {
    const { users } = await linuxUsers()
    for (const { name, id, administrator } of users) {
      const groups = run('id', '-Gn', name).toString().trim().split(' ')
      expect([name, administrator]).toEqual([name, id === '0' || groups.some((g) => /^(sudo|wheel|admin)$/.test(g))])
    }
  })

  test.runIf(isRoot)('passwords are in the state that passwd tells', async () => {
    const { users } = await linuxUsers()
    const letters = { set: 'P', locked: 'L', none: 'NP' }
    expect(users.map((user) => `${user.name} ${letters[user.password ?? 'set']} ${user.passwordChangedOn}`)).toEqual(
      lines('passwd', '--status', '--all').map((line) => line.split(' ').slice(0, 3).join(' ')),
    )
  })

  test('the section holds no hash and has the shape of the contract', async () => {
    const { sections } = await new Inventory().collect(['users'])
    expect(sections.users).toMatchObject({ status: 'ok' })
    expect(usersSection.parse(sections.users)).toEqual(sections.users)
  })
})

describe('in a folder', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'breeze-users-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))
  function put(path: string, content: string | Buffer): string {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    return join(root, path)
  }
  const PASSWD = [
    'root:x:0:0:root:/root:/bin/bash',
    'toor:x:0:0::/root:',
    'anna:x:1000:1000:Anna\u0007Ant,Room 1,,:/home/anna:/bin/zsh',
    'bert:x:1001:27:Bert:/home/bert:/usr/sbin/nologin',
    'carl:x:1002:1002::/home/carl:/bin/sh',
    'dora:x:1003:1003::/home/dora:/bin/sh',
    'old:$1$abcdefgh$HASHHASHHASH:1004:1004::/:/bin/sh',
    'open::1005:1005::/:/bin/sh',
    '+@nis::::::',
    '# comment',
    'half:x:10',
  ].join('\n')

  test('each way to be an administrator, and each state of a password', async () => {
    put('etc/passwd', PASSWD)
    put('etc/group', 'root:x:0:\nsudo:x:27:\nwheel:x:10:anna,\nops:x:99:carl\nbroken\n')
    put('etc/sudoers', 'root ALL=(ALL) ALL\n%ops ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n')
    put('etc/sudoers.d/dora', 'dora ALL=(ALL) ALL')
    put('etc/sudoers.d/folder/x', 'bert ALL=(ALL) ALL')
    put(
      'etc/shadow',
      [
        'root:*:20228:0:99999:7:::',
        'anna:$y$j9T$SALTSALT$SECRETSECRET:20000:0:99999:7:::',
        'bert:!$6$SALT$SECRET:20001:0:99999:7:::',
        'carl::20002:0:99999:7:::',
        'dora:$6$SALT$SECRET:0:0:99999:7::10000:',
      ].join('\n'),
    )
    const found = await linuxUsers(new Date('2026-01-01T00:00:00Z'), root)
    expect(JSON.stringify(found)).not.toMatch(/SECRET|SALT|HASH/)
    const table = found.users.map((u) =>
      [u.name, u.administrator, u.interactive, u.enabled, u.password, u.passwordChangedOn].join(' '),
    )
    expect(table).toEqual([
      'root true true true locked 2025-05-20',
      'toor true true true locked ',
      'anna true true true set 2024-10-04',
      'bert true false true locked 2024-10-05',
      'carl true true true none 2024-10-06',
      'dora true true false set ',
      'old false true true set ',
      'open false true true none ',
    ])
    expect(found.users[2]?.displayName).toBe('Anna Ant')
    expect(found.incomplete).toEqual([
      'administrators: some of the sudo rules could not be read (EISDIR)',
      'this system keeps no record of who is signed in',
    ])
  })

  test('without the right to read passwords, their states are unknown and nothing else is missing', async () => {
    put('etc/passwd', PASSWD)
    chmodSync(put('etc/shadow', 'anna:$6$x:20000::::::'), 0o000)
    chmodSync(put('etc/sudoers', 'anna ALL=(ALL) ALL'), 0o000)
    chmodSync(root, 0o755)
    const found = await asNobody(() => linuxUsers(new Date(), root))
    expect(found.users.find(({ name }) => name === 'anna')).toMatchObject({ password: null, enabled: null })
    expect(found.incomplete?.join()).toMatch(/shadow.*sudo rules may/)
  })

  /** `utmpdump -r` writes what the C library writes. */
  function utmp(...records: string[]): Buffer {
    return execFileSync('utmpdump', ['-r'], { input: records.map((record) => `${record}\n`).join('') })
  }

  test('who is signed in is what who says', async () => {
    put('etc/passwd', PASSWD)
    const path = put(
      'run/utmp',
      utmp(
        '[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0               ] [0.0.0.0        ] [2026-11-01T08:00:00,000000+00:00]',
        `[7] [${String(process.pid).padStart(5, '0')}] [ts/0] [anna    ] [pts/0       ] [198.51.100.7        ] [198.51.100.7   ] [2026-11-02T09:30:00,000000+00:00]`,
        '[7] [4000000] [ts/1] [bert    ] [pts/1       ] [                    ] [0.0.0.0        ] [2026-11-02T09:31:00,000000+00:00]',
        '[8] [00100] [ts/2] [carl    ] [pts/2       ] [                    ] [0.0.0.0        ] [2026-11-02T09:32:00,000000+00:00]',
      ),
    )
    const { sessions } = await linuxUsers(new Date(), root)
    expect(sessions).toEqual([
      { user: 'anna', terminal: 'pts/0', since: '2026-11-02T09:30:00.000Z', from: '198.51.100.7' },
    ])
    const who = lines('who', path).find((line) => line.startsWith('anna'))
    expect(who?.split(/\s+/)).toEqual(['anna', 'pts/0', '2026-11-02', '09:30', '(198.51.100.7)'])
  })

  test('the last sign-in is the latest of all records, and a torn record is left out', async () => {
    put('etc/passwd', PASSWD)
    const login = (user: string, at: string) =>
      `[7] [00100] [ts/0] [${user.padEnd(8)}] [pts/0       ] [                    ] [0.0.0.0        ] [${at},000000+00:00]`
    const wtmp = utmp(
      login('anna', '2026-01-01T00:00:00'),
      login('anna', '2026-02-01T00:00:00'),
      login('bert', '2026-03-01T00:00:00'),
    )
    put('var/log/wtmp', Buffer.concat([wtmp, wtmp.subarray(0, 100)]))
    mkdirSync(join(root, 'var/lib/lastlog'), { recursive: true })
    const database = new DatabaseSync(join(root, 'var/lib/lastlog/lastlog2.db'))
    database.exec('CREATE TABLE Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT)')
    database.exec("INSERT INTO Lastlog2 VALUES ('bert', 1798761600, 'pts/0', '', 'sshd'), ('carl', 0, '', '', '')")
    database.close()
    const { users } = await linuxUsers(new Date(), root)
    expect(users.filter((user) => user.lastSignInAt).map((user) => [user.name, user.lastSignInAt])).toEqual([
      ['anna', '2026-02-01T00:00:00.000Z'],
      ['bert', '2027-01-01T00:00:00.000Z'],
    ])
  })

  test.runIf(isRoot)('lastlog is read as lastlog writes it', async () => {
    put('etc/passwd', readFileSync('/etc/passwd'))
    const path = put('var/log/lastlog', '')
    // In a mount namespace of its own, so that the machine's file stays as it is.
    const script = 'mount --bind "$1" /var/log/lastlog && lastlog -S -u games && lastlog -u games | tail -1'
    const told = lines('unshare', '-m', 'sh', '-c', script, 'sh', path)[0] ?? ''
    const { users } = await linuxUsers(new Date(), root)
    const [games, ...others] = users.filter((user) => user.lastSignInAt)
    expect(games?.name).toBe('games')
    expect(others).toEqual([])
    expect(Date.parse(games?.lastSignInAt ?? '')).toBe(Date.parse(told.replace(/^games\s+\S*\s*?(?=\w{3} )/, '')))
  })

  test('a logind session stands in where there is no utmp, and an empty folder without logind says nothing', async () => {
    put(
      'run/systemd/sessions/3',
      'UID=1000\nUSER=anna\nACTIVE=1\nSTATE=active\nTTY=pts/0\nREMOTE_HOST=198.51.100.7\nCLASS=user\nREALTIME=1767225600000000\n',
    )
    put('run/systemd/sessions/c1', 'USER=gdm\nCLASS=greeter\nSTATE=active\n')
    put('run/systemd/sessions/3.ref', '')
    const running = (name: string) => async () => (program: string) => program === name
    expect(await signedIn(root, running('systemd-logind'))).toEqual([
      { user: 'anna', terminal: 'pts/0', since: new Date('2026-01-01T00:00:00Z'), from: '198.51.100.7' },
    ])
    expect(await signedIn(root, running('init'))).toBeNull()
  })
})
