import { type EventWatch, eventEntry } from '@breeze/contract/agent-events'
import { expect, test } from 'vitest'
import { entry } from '../platform/log-query.ts'
import { logOf, matching } from './matching.ts'

const at = new Date('2026-11-25T10:00:00Z')
const read = { log: 'system', source: 'a journal', at }
const say = (message: string, level: Parameters<typeof entry>[1] = 'info', program = 'app') =>
  entry(at, level, program, message)
const texts = (watch: Partial<EventWatch>, ...entries: ReturnType<typeof entry>[]) =>
  matching([{ id: 'w', ...watch }], entries, read).map(({ text }) => text)

test('all that a watch asks must hold', () => {
  const entries = [
    say('Disk error', 'error', 'kernel'),
    say('disk is fine', 'info', 'kernel'),
    say('disk error', null, 'kernel'),
    say('disk error', 'critical', 'Nginx.service'),
  ]
  expect(texts({}, ...entries)).toHaveLength(4)
  expect(texts({ text: 'DISK ERROR' }, ...entries)).toHaveLength(3)
  // What has no level is not known to be severe.
  expect(texts({ minLevel: 'error' }, ...entries)).toEqual(['Disk error', 'disk error'])
  expect(texts({ program: 'nginx' }, ...entries)).toEqual(['disk error'])
  expect(texts({ program: 'kernel', minLevel: 'warning', text: 'error' }, ...entries)).toEqual(['Disk error'])
  expect(texts({ kind: 'failed_sign_in' }, ...entries)).toEqual([])
})

test('a failed sign-in tells who and from where', () => {
  const line = say('Failed password for root from 192.0.2.7 port 50022 ssh2', 'info', 'sshd')
  const [found] = matching([{ id: 'w', kind: 'failed_sign_in' }], [line], { ...read, log: 'security' })
  expect(eventEntry.parse(found)).toEqual({
    watchId: 'w',
    log: 'security',
    at: at.toISOString(),
    source: 'a journal',
    program: 'sshd',
    level: 'info',
    text: line.message,
    user: 'root',
    address: '192.0.2.7',
  })
})

test('fifty of a watch are sent, and the rest of a minute is a number', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => say(`line ${index}`))
  expect(matching([{ id: 'w' }], lines(50), read)).toHaveLength(50)
  const many = matching([{ id: 'w' }, { id: 'v', text: 'line 7' }], lines(1000), read)
  expect(many.filter(({ watchId }) => watchId === 'w')).toHaveLength(50)
  expect(many[49]).toMatchObject({ text: 'line 999', count: 951 })
  // Each watch has its own fifty.
  expect(many.filter(({ watchId }) => watchId === 'v')).toHaveLength(50)
  expect(many.at(-1)).toMatchObject({ text: 'line 799', count: 62 })
})

test('what is longer than a frame allows is cut', () => {
  const [found] = matching([{ id: 'w' }], [entry(null, null, '', 'y'.repeat(4000))], read)
  expect(eventEntry.parse(found)).toMatchObject({ program: null, at: at.toISOString() })
  expect(found?.text).toHaveLength(2000)
})

test('where a watch looks unless it says so', () => {
  expect(logOf({ id: 'w' })).toBe('system')
  expect(logOf({ id: 'w', kind: 'failed_sign_in' })).toBe('security')
  expect(logOf({ id: 'w', log: 'nginx.service' })).toBe('nginx.service')
})
