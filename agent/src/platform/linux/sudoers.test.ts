import { expect, test } from 'vitest'
import { readSudoers } from './sudoers.ts'

const read = (files: Record<string, string>) =>
  readSudoers(
    {
      read: async (path) => files[path],
      list: async (path) =>
        Object.keys(files)
          .filter((name) => name.startsWith(`${path}/`))
          .map((name) => name.slice(path.length + 1)),
    },
    'web1.example.test',
  )

test('the sudoers of a distribution, with its folder', async () => {
  const grants = await read({
    '/etc/sudoers': [
      'Defaults\tenv_reset',
      'Defaults\tsecure_path="/usr/local/sbin:/usr/bin"',
      '# User privilege specification',
      'root\tALL=(ALL:ALL) ALL',
      '%sudo\tALL=(ALL:ALL) ALL # the group',
      '@includedir /etc/sudoers.d',
    ].join('\n'),
    '/etc/sudoers.d/90-cloud': 'ubuntu ALL=(ALL) NOPASSWD:ALL',
    '/etc/sudoers.d/README.txt': 'nobody ALL=(ALL) ALL',
    '/etc/sudoers.d/old~': 'games ALL=(ALL) ALL',
  })
  expect([...grants.users]).toEqual(['root', 'ubuntu'])
  expect([...grants.groups]).toEqual(['sudo'])
  expect(grants).toMatchObject({ everyone: false, unclear: [] })
})

test('aliases, ids, several hosts and continued lines are followed', async () => {
  const grants = await read({
    '/etc/sudoers': [
      'User_Alias ADMINS = anna, \\',
      '  %ops : OTHERS = bert',
      'Cmnd_Alias EVERYTHING = ALL',
      'Host_Alias WEB = web1, web2',
      'ADMINS WEB = (root) PASSWD: EVERYTHING',
      'OTHERS db1 = ALL',
      '#1007 ALL = ALL',
      '%#27 web1 = (ALL) NOPASSWD: SETENV: ALL',
      'c\\,d , e ALL = ALL',
      'frida db1 = ALL : web1 = (ALL) ALL',
    ].join('\n'),
  })
  expect([...grants.users].sort()).toEqual(['anna', 'c,d', 'e', 'frida'])
  expect([...grants.groups]).toEqual(['ops'])
  expect([...grants.uids]).toEqual([1007])
  expect([...grants.gids]).toEqual([27])
})

test('single commands and other users are no administration', async () => {
  const grants = await read({
    '/etc/sudoers': [
      'backup ALL = NOPASSWD: /usr/bin/rsync, /bin/tar',
      'dba ALL = (postgres) ALL',
      'mixed ALL = (www) ALL, (root) /bin/ls',
      'late ALL = (www) /bin/ls, (root) ALL',
      'grouponly ALL = (:adm) ALL',
      'notroot ALL = (ALL, !root) ALL',
      'elsewhere db1 = ALL',
    ].join('\n'),
  })
  expect([...grants.users]).toEqual(['late'])
  expect(grants.unclear).toEqual([])
})

test('what cannot be followed is told', async () => {
  const grants = await read({
    '/etc/sudoers': [
      '+netgroup ALL = ALL',
      '%:DOMAIN\\ users ALL = ALL',
      'x ALL = ALL, !/bin/su',
      'y 10.0.0.0/8 = ALL',
    ].join('\n'),
  })
  expect(grants.unclear.sort()).toEqual([
    'a sudo rule for %:DOMAIN users',
    'a sudo rule for +netgroup',
    'a sudo rule for the host 10.0.0.0/8',
    'a sudo rule grants all commands but some',
  ])
  expect([...grants.users]).toEqual(['x'])
})

test('loops, garbage and everyone end well', async () => {
  const grants = await read({
    '/etc/sudoers':
      '@include /etc/sudoers\nUser_Alias A = B : B = A\nA ALL = ALL\n=\n = \nfoo\n\u0000\u0007\nALL ALL=ALL',
  })
  expect(grants.everyone).toBe(true)
  expect(grants.unclear).toContain('more sudoers files than are read')
})
