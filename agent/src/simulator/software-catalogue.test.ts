import { softwareKey } from '@breeze/contract/agent-inventory'
import { expect, test } from 'vitest'
import { seededChance } from './seeded.ts'
import { Software } from './software-catalogue.ts'
import { steeringOf } from './steering.ts'

const listed = (software: Software): Map<string, string> =>
  new Map(software.items().map((item) => [softwareKey(item), item.version]))

test('a device has about as many packages as asked for, each once, and the same ones again', () => {
  const software = new Software('linux', 7, 700)
  expect(Math.abs(software.items().length - 700)).toBeLessThan(100)
  expect(listed(software).size).toBe(software.items().length)
  expect(listed(new Software('linux', 7, 700))).toEqual(listed(software))
  expect(listed(new Software('linux', 8, 700))).not.toEqual(listed(software))
})

test('the differences, applied one after the other, lead to what is there in the end', () => {
  const software = new Software('windows', 7, 300)
  const chance = seededChance('changes')
  const held = listed(software)
  expect(software.delta('1')).toBeUndefined()
  software.tell('0')
  for (let round = 1; round <= 200; round++) {
    const before = software.version
    software.change(chance)
    expect(software.version).not.toBe(before)
    const delta = software.delta(`${round}`)
    expect(delta).toMatchObject({ base: `${round - 1}`, hash: `${round}` })
    for (const item of delta?.removed ?? []) held.delete(softwareKey(item))
    for (const item of delta?.upserts ?? []) held.set(softwareKey(item), item.version)
    software.tell(`${round}`)
  }
  expect(held).toEqual(listed(software))
})

test('a script steers simulated devices by its marker, within bounds', () => {
  expect(steeringOf('hostname')).toEqual({ lines: 0, seconds: 0, fail: 0 })
  expect(steeringOf('# simulate: lines=3 seconds=0.5 fail=1\nhostname')).toEqual({ lines: 3, seconds: 0.5, fail: 1 })
  expect(steeringOf('# simulate: lines=99999999 seconds=1..2 fail=7')).toEqual({ lines: 20_000, seconds: 0, fail: 1 })
})
