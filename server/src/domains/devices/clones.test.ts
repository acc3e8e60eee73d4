import { expect, test } from 'vitest'
import { Clones } from './clones.ts'

const MINUTE = 60_000
const machine = (bootId: string, machineId = 'm') => ({ bootId, machineId })
const clones = new Clones()
let device = 0
const next = () => `device-${++device}`

test('reboots, reconnects and a snapshot that is put back are one machine', () => {
  const id = next()
  for (const boot of ['a', 'a', 'b', 'a', 'a', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'])
    expect(clones.arrives(id, 'm', machine(boot), true, 0)).toBe('one')
})

test('two boots that go on replacing each other are two machines', () => {
  const id = next()
  const seen = ['a', 'b', 'a', 'b'].map((boot, minute) =>
    clones.arrives(id, 'm', machine(boot), minute % 2 === 0, minute * MINUTE),
  )
  expect(seen).toEqual(['one', 'one', 'one', 'both'])
})

test('snapshots put back on different days are one machine', () => {
  const id = next()
  for (const [day, boot] of ['a', 'b', 'a', 'b', 'a'].entries())
    expect(clones.arrives(id, 'm', machine(boot), true, day * 1440 * MINUTE)).toBe('one')
})

test('another machine is the copy while the enrolled one lives', () => {
  const id = next()
  clones.arrives(id, 'm', machine('a'), false, 0)
  expect(clones.arrives(id, 'm', machine('b', 'other'), true, 1)).toBe('copy')
  // It took no place, so the enrolled one returns to nothing strange.
  expect(clones.arrives(id, 'm', machine('a'), true, 2)).toBe('one')
})

test('a machine with another id is believed once the enrolled one is silent, until that returns', () => {
  const id = next()
  clones.arrives(id, 'm', machine('a'), false, 0)
  expect(clones.arrives(id, 'm', machine('b', 'repaired'), false, 1)).toBe('one')
  expect(clones.arrives(id, 'm', machine('b', 'repaired'), true, 2)).toBe('one')
  expect(clones.arrives(id, 'm', machine('a'), true, 3)).toBe('original')
})

test('a machine that can not tell its id is not held against itself', () => {
  const id = next()
  clones.arrives(id, 'm', machine('a'), false, 0)
  expect(clones.arrives(id, 'm', machine('b', ''), true, 1)).toBe('one')
})

test('who was alone for ten minutes is believed again', () => {
  const id = next()
  expect(clones.isSettled(id, 0)).toBe(false)
  clones.arrives(id, 'm', machine('a'), false, 0)
  clones.arrives(id, 'm', machine('b', 'other'), true, MINUTE)
  expect(clones.isSettled(id, 10 * MINUTE)).toBe(false)
  clones.arrives(id, 'm', machine('b', 'other'), true, 9 * MINUTE)
  expect(clones.isSettled(id, 18 * MINUTE)).toBe(false)
  expect(clones.isSettled(id, 19 * MINUTE)).toBe(true)
  clones.absolve(id)
  expect(clones.isSettled(id, 100 * MINUTE)).toBe(false)
  clones.suspect(id, 100 * MINUTE)
  expect(clones.isSettled(id, 110 * MINUTE)).toBe(true)
})
