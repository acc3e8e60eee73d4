import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WaitingRoom } from './waiting-room.ts'

function guest(name: string, log: string[]) {
  return { admit: () => void log.push(`${name} in`), turnAway: () => void log.push(`${name} away`) }
}

test('lets guests in in their order, as places become free', async () => {
  const log: string[] = []
  let places = 2
  const room = new WaitingRoom({ hasPlace: () => places-- > 0 })
  for (const name of ['a', 'b', 'c']) room.enter(guest(name, log))
  expect(log).toEqual([])
  await turn()
  expect(log).toEqual(['a in', 'b in'])
  expect(room.size).toBe(1)
  places = 1
  room.call()
  await turn()
  expect(log).toEqual(['a in', 'b in', 'c in'])
  expect(room.size).toBe(0)
})

test('turns away whom it has no seat for, who waited too long, and all when it closes', async () => {
  const log: string[] = []
  const full = new WaitingRoom({ hasPlace: () => false, seats: 1 })
  for (const name of ['a', 'b']) full.enter(guest(name, log))
  expect(log).toEqual(['b away'])
  full.empty()
  expect(log).toEqual(['b away', 'a away'])
  const impatient = new WaitingRoom({ hasPlace: () => true, patienceMs: 0 })
  impatient.enter(guest('c', log))
  await turn()
  expect(log.at(-1)).toBe('c away')
})

test('leaves the event loop its turns while many wait', async () => {
  let admitted = 0
  const room = new WaitingRoom({ hasPlace: () => true })
  const slow = () => {
    admitted++
    for (const end = performance.now() + 2; performance.now() < end;);
  }
  for (let index = 0; index < 50; index++) room.enter({ admit: slow, turnAway: () => undefined })
  await turn()
  expect(admitted).toBeGreaterThan(0)
  expect(admitted).toBeLessThan(50)
  while (room.size > 0) await turn()
  expect(admitted).toBe(50)
})
