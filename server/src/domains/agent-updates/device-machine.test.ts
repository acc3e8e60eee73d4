import { expect, it } from 'vitest'
import { RECALLED } from '../rollouts/kind.ts'
import { follow, type Seen } from './device-machine.ts'

const since = new Date('2026-01-01T12:00:00Z')
const after = (seconds: number) => new Date(since.getTime() + seconds * 1000)
const told = (state: NonNullable<Seen['command']>['state'], reason: string | null = null, byDevice = true) => ({
  state,
  reason,
  resultAt: byDevice ? since : null,
})
const step = (command: Seen['command'], version: string | null, phase = 'updating', tries = 0, seconds = 1) =>
  follow({ phase, phaseSince: since, tries }, { now: after(seconds), command, version }, '0.2.0')

it('waits while the device is at it', () => {
  expect(step(null, '0.1.0')).toBeNull()
})

it('counts as done only what connected as the new version', () => {
  expect(step(told('succeeded'), '0.2.0')).toEqual({ phase: 'done', outcome: 'succeeded' })
  expect(step(told('succeeded'), '0.1.0')).toEqual({ phase: 'checking' })
  expect(step(told('succeeded'), '0.1.0', 'checking', 0, 60)).toBeNull()
  expect(step(told('succeeded'), '0.1.0', 'checking', 0, 180)).toMatchObject({
    outcome: 'failed',
    reason: { text: 'it says that it runs 0.2.0, and connected as 0.1.0', byDevice: false },
  })
  // Nobody heard of its end in time, and then it was there.
  expect(step(told('timed_out', null, false), '0.2.0')).toEqual({ phase: 'done', outcome: 'succeeded' })
})

it('tells why a device went back, in its own words', () => {
  expect(step(told('failed', 'rolled back: it crashed'), '0.1.0')).toEqual({
    phase: 'done',
    outcome: 'failed',
    reason: { text: 'rolled back: it crashed', byDevice: true },
  })
})

it('orders anew what was never put on trial, five times at most, and what a pause took back', () => {
  expect(step(told('expired', null, false), '0.1.0')).toEqual({ phase: 'due', tries: 1 })
  expect(step(told('interrupted'), '0.1.0', 'updating', 3)).toEqual({ phase: 'due', tries: 4 })
  expect(step(told('interrupted'), '0.1.0', 'updating', 4)).toMatchObject({ outcome: 'failed' })
  expect(step(told('cancelled', RECALLED, false), '0.1.0')).toEqual({ phase: 'due' })
  expect(step(told('cancelled', 'cancelled by Ada'), '0.1.0')).toMatchObject({ outcome: 'cancelled' })
})
