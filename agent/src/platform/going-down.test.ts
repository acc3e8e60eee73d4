import { expect, test } from 'vitest'
import { goingDown, parseJobs, parseRunlevel } from './going-down.ts'

const jobs = (target: string) => `
 812 ${target}             start waiting
 930 systemd-${target.replace('.target', '.service')}  start waiting
 901 breeze-agent.service      stop  running
 899 ssh.service               stop  waiting
`

test('systemd’s jobs tell a restart from a shutdown and from an ordinary stop', () => {
  expect(parseJobs(jobs('reboot.target'))).toBe('reboot')
  expect(parseJobs(jobs('kexec.target'))).toBe('reboot')
  expect(parseJobs(jobs('poweroff.target'))).toBe('shutdown')
  expect(parseJobs(jobs('halt.target'))).toBe('shutdown')
  expect(parseJobs(' 901 breeze-agent.service stop running\n')).toBeUndefined()
  expect(parseJobs(' 90 reboot.target stop waiting\n')).toBeUndefined()
  expect(parseJobs('')).toBeUndefined()
})

test('so does SysV’s runlevel', () => {
  expect(parseRunlevel('2 6\n')).toBe('reboot')
  expect(parseRunlevel('2 0\n')).toBe('shutdown')
  expect(parseRunlevel('N 2\n')).toBeUndefined()
  expect(parseRunlevel('unknown\n')).toBeUndefined()
})

test('this machine is not going down', async () => {
  expect(await goingDown()).toBeUndefined()
})
