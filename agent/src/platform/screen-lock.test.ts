import { expect, test } from 'vitest'
import { isAtScreen, parseSession, parseSessionIds } from './linux/screen-lock.ts'
import { asksAtOnce } from './macos/screen-lock.ts'

test('sessions are listed by their ids, in the layouts of old and new versions', () => {
  expect(parseSessionIds('  2 1000 anna seat0 tty2 active no   -\n c1  120 gdm  seat0 tty1\n\n')).toEqual(['2', 'c1'])
  expect(parseSessionIds('')).toEqual([])
})

test('only people at a screen are locked out', () => {
  const shown = (changes: string) =>
    parseSession('2', `Id=2\nName=anna\nType=wayland\nClass=user\nState=active\nLockedHint=no\n${changes}`)
  const at = (changes: string) => isAtScreen(shown(changes) ?? expect.fail())
  expect(shown('')).toMatchObject({ user: 'anna', locked: false })
  expect(shown('LockedHint=yes')).toMatchObject({ locked: true })
  expect(at('')).toBe(true)
  expect(at('Type=x11')).toBe(true)
  expect(at('Type=tty')).toBe(false)
  expect(at('Class=greeter')).toBe(false)
  expect(at('State=closing')).toBe(false)
  expect(parseSession('2', 'Failed to get session\n')).toBeUndefined()
})

test('a Mac locks only where it asks for the password at once', () => {
  expect(asksAtOnce('2026-01-01 12:00:00.000 sysadminctl[1:2] screenLock delay is immediate')).toBe(true)
  expect(asksAtOnce('sysadminctl[1:2] screenLock delay is 300 seconds')).toBe(false)
  expect(asksAtOnce('sysadminctl[1:2] screenLock is off')).toBe(false)
})
