import { expect, test } from 'vitest'
import { recorded } from '../../../test/recorded.ts'
import { failedSignIn } from '../../events/sign-in-failures.ts'
import { parseEventXml } from './event-tail.ts'

test('events as wevtutil prints them, with who failed to sign in and from where', () => {
  const events = parseEventXml(recorded('windows/events.xml'))
  expect(events.map(({ record }) => record)).toEqual([229_977, 229_980, 4711])
  expect(events.map(({ told }) => told)).toMatchObject([
    {
      at: '2026-11-25T10:00:00.123Z',
      level: 'info',
      source: 'Microsoft-Windows-Security-Auditing',
      message: expect.stringMatching(/^An account failed to log on\.\n\nSubject:/),
      signIn: { user: String.raw`ACME\o'hara`, address: '192.0.2.40', count: 1 },
    },
    { message: 'event 4771', signIn: { user: 'svc-backup', address: '192.0.2.41' } },
    {
      level: 'error',
      source: 'Service Control Manager',
      message: 'The SQL Server (MSSQLSERVER) service terminated unexpectedly.  It has done this 1 time(s).',
    },
  ])
  expect(events.map(({ told }) => failedSignIn(told, 'win32')?.user ?? null)).toEqual([
    String.raw`ACME\o'hara`,
    'svc-backup',
    null,
  ])
  expect(parseEventXml('')).toEqual([])
})
