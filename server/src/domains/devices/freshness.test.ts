import { expect, test } from 'vitest'
import { confirmedAt, isStale, type SectionTimes } from './freshness.ts'

const at = (time: string): Date => new Date(`2026-11-25T${time}Z`)
const times = (more: Partial<SectionTimes>): SectionTimes => ({
  collectedAt: at('01:00:00'),
  receivedAt: at('01:00:05'),
  outdatedSince: null,
  lastSeenAt: null,
  ...more,
})

test('what has not changed is as fresh as the last word of the device', () => {
  expect(confirmedAt(times({ lastSeenAt: at('09:00:00') }))).toEqual(at('09:00:00'))
  expect(confirmedAt(times({}))).toEqual(at('01:00:00'))
})

test('what the device has otherwise by now is as fresh as the moment it became so', () => {
  const outdated = times({ outdatedSince: at('02:00:00'), lastSeenAt: at('09:00:00') })
  expect(confirmedAt(outdated)).toEqual(at('02:00:00'))
})

test('a clock that is ahead makes nothing fresher than it came', () => {
  expect(confirmedAt(times({ collectedAt: at('20:00:00') }))).toEqual(at('01:00:05'))
})

test('services are old after an hour, hardware after a month', () => {
  const confirmed = at('01:00:00')
  expect(isStale('services', confirmed, at('02:00:00'))).toBe(false)
  expect(isStale('services', confirmed, at('02:00:01'))).toBe(true)
  expect(isStale('cpu', confirmed, new Date('2026-12-25T01:00:00Z'))).toBe(false)
  expect(isStale('cpu', confirmed, new Date('2026-12-25T01:00:01Z'))).toBe(true)
})
