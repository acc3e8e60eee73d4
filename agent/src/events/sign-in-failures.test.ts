import { expect, test } from 'vitest'
import { failedSignIn } from './sign-in-failures.ts'

const of = (source: string, message: string, platform: NodeJS.Platform = 'linux') =>
  failedSignIn({ at: null, level: null, source, message }, platform)

test('each attempt once, with who and from where', () => {
  expect(of('sshd', 'Failed password for root from 192.0.2.7 port 50022 ssh2')).toEqual({
    user: 'root',
    address: '192.0.2.7',
    count: 1,
  })
  expect(of('sshd-session', 'Failed password for invalid user a b from 2001:db8::1 port 1 ssh2')).toMatchObject({
    user: 'a b',
    address: '2001:db8::1',
  })
  expect(of('sshd', 'error: PAM: Authentication failure for illegal user eve from host.example')).toMatchObject({
    user: 'eve',
    address: 'host.example',
  })
  expect(of('dropbear', "Bad password attempt for 'root' from 192.0.2.9:41234")).toMatchObject({ address: '192.0.2.9' })
  const su =
    'pam_unix(su-l:auth): authentication failure; logname=anna uid=1000 euid=0 tty=/dev/pts/0 ruser=anna rhost=  user=root'
  expect(of('su', su)).toEqual({ user: 'root', address: null, count: 1 })
  expect(of('sudo', 'anna : 3 incorrect password attempts ; TTY=ttys000 ; PWD=/', 'darwin')).toEqual({
    user: 'anna',
    address: null,
    count: 3,
  })
})

test('lines that rsyslog folded count as many', () => {
  const folded = 'message repeated 4 times: [ Failed password for root from 192.0.2.7 port 50022 ssh2]'
  expect(of('sshd', folded)).toMatchObject({ user: 'root', count: 4 })
})

test('what only looks like one, or was told already, is none', () => {
  for (const message of [
    'Accepted password for root from 192.0.2.7 port 50022 ssh2',
    'Invalid user eve from 192.0.2.7 port 50022',
    'Failed publickey for root from 192.0.2.7 port 50022 ssh2',
    'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root',
    'PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root',
    // Of no local account: the module that knows it may let it in.
    'pam_unix(gdm-password:auth): authentication failure; logname= uid=0 euid=0 tty=/dev/tty1 ruser= rhost=',
  ])
    expect(of('sshd', message), message).toBeNull()
  expect(of('nginx', 'Failed password for root from 192.0.2.7 port 50022 ssh2')).toBeNull()
  expect(of('sudo', 'anna : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/')).toBeNull()
})

test('whoever connects can not choose the address by the name of the user', () => {
  const message = 'Failed password for invalid user root from 10.0.0.1 port 22 ssh2 from 192.0.2.66 port 5 ssh2'
  expect(of('sshd', message)).toMatchObject({ address: '192.0.2.66' })
})

test('a line made to look slow is read at once', () => {
  const started = performance.now()
  of('sshd', `Failed password for ${' from x'.repeat(2000)}`)
  of('x', `pam_unix(su:auth): authentication failure;${' rhost='.repeat(2000)}`)
  expect(performance.now() - started).toBeLessThan(1000)
})
