import { describe, expect, it } from 'vitest'
import { isInstant, makeCursor, readCursor } from './cursor.ts'

describe('a position', () => {
  it.each([
    '2026-01-31T10:00:00.123Z',
    '2026-01-31T10:00:00.123456Z',
    '2026-01-31 10:00:00.123456+00',
    '2024-02-29 00:00:00-05:30',
  ])('may be the time %s', (text) => expect(isInstant(text)).toBe(true))

  it.each([
    '',
    'foo 1',
    '2026-01-01 (a note)',
    '2026-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '+275760-09-13T00:00:00.000Z',
    '2026-01-01T00:00:00+23:59',
    '2026-01-01T00:00:00',
    `2026-01-01T00:00:00.${'1'.repeat(200)}Z`,
  ])('can not be %j, which PostgreSQL would not read as one', (text) => expect(isInstant(text)).toBe(false))
})

describe('a cursor', () => {
  it('is good for its own list and filter only', () => {
    const cursor = makeCursor('devices', { status: 'online' }, ['a', 1])
    expect(readCursor('devices', { status: 'online' }, cursor)).toEqual(['a', 1])
    for (const [list, filter] of [
      ['users', { status: 'online' }],
      ['devices', { status: 'offline' }],
      ['devices', {}],
    ] as const)
      expect(() => readCursor(list, filter, cursor)).toThrow(/not a cursor of this list/)
  })
})
