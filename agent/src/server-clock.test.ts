import { expect, test } from 'vitest'
import { ServerClock } from './server-clock.ts'

const NOON = Date.parse('2026-01-01T12:00:00Z')
const HOUR = 3_600_000

function clocks(startMs: number) {
  const machine = { wall: startMs, running: 5000 }
  const clock = new ServerClock(
    () => machine.wall,
    () => machine.running,
  )
  return { machine, clock }
}

test('goes by the machine until the server told its time', () => {
  expect(clocks(NOON).clock.now()).toBe(NOON)
})

test('follows the server, and forgets only what both clocks call past', () => {
  const { clock } = clocks(NOON)
  clock.learn('2026-01-01T13:00:00Z')
  expect([clock.now(), clock.earliest()]).toEqual([NOON + HOUR, NOON])
  clock.learn('2026-01-01T11:00:00Z')
  expect([clock.now(), clock.earliest()]).toEqual([NOON - HOUR, NOON - HOUR])
})

test('a machine whose clock is set in between changes nothing', () => {
  const { machine, clock } = clocks(NOON)
  clock.learn('2026-01-01T12:00:00Z')
  for (const jump of [48 * HOUR, -48 * HOUR]) {
    machine.wall = NOON + jump
    machine.running += 1000
    expect(clock.now() - NOON).toBe(machine.running - 5000)
  }
})
