import { expect, test } from 'vitest'
import { recorded } from '../../test/recorded.ts'
import { parseShow, parseUnitFiles, parseUnits } from './systemd.ts'

test('loaded units count, those that only others refer to do not', () => {
  expect(parseUnits(recorded('linux/systemctl-list-units.txt'))).toEqual([
    'apparmor.service',
    'cron.service',
    'dbus.service',
    'getty@tty1.service',
    'nginx.service',
    'slow.service',
    'systemd-fsck@dev-disk-by\\x2duuid-7A1C\\x2d33F0.service',
  ])
})

test('a failed unit behind a bullet is a unit', () => {
  expect(parseUnits('* nginx.service loaded failed failed nginx\n● a.service not-found inactive dead a\n')).toEqual([
    'nginx.service',
  ])
})

test('unit files count, templates and aliases do not', () => {
  expect(parseUnitFiles(recorded('linux/systemctl-list-unit-files.txt'))).toEqual([
    'apparmor.service',
    'cron.service',
    'dbus.service',
    'debug-shell.service',
    'hwclock.service',
    'nginx.service',
  ])
})

test("systemd's states are told in the contract's words", () => {
  const services = parseShow(recorded('linux/systemctl-show.txt'))
  expect(services.map(({ name, state, start, pid }) => [name, state, start, pid])).toEqual([
    ['apparmor', 'running', 'automatic', null],
    ['cron', 'running', 'automatic', 612],
    ['debug-shell', 'stopped', 'disabled', null],
    ['getty@tty1', 'running', 'automatic', 701],
    ['hwclock', 'stopped', 'disabled', null],
    ['nginx', 'failed', 'automatic', null],
    ['slow', 'starting', 'static', null],
  ])
  expect(services.at(-1)).toMatchObject({ displayName: 'Something with a=b in it', manager: 'systemd' })
})
