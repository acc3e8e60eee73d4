import { expect, test } from 'vitest'
import { decideServerKeys } from './server-keys.ts'

const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, publicKey: `key of ${id}` }))
if (!a || !b || !c) throw new Error('unreachable')

test('the same set changes nothing', () => {
  expect(decideServerKeys([a, b], [a, b], [a, b]).decision).toBe('unchanged')
})
test('a known key carries a new one in', () => {
  expect(decideServerKeys([a, b], [a, b], [b, c])).toEqual({ decision: 'accepted', keys: [b, c] })
})
test('a second rotation is carried by the key of the first', () => {
  expect(decideServerKeys([a], [b, c], [c]).decision).toBe('accepted')
})
test('a set without any known key is refused', () => {
  expect(decideServerKeys([a], [a, b], [c]).decision).toBe('refused')
})
test('another key under a known id is refused, even beside a known key', () => {
  expect(decideServerKeys([a, b], [a], [a, { ...b, publicKey: 'forged' }]).decision).toBe('refused')
})
test('an id given twice is refused', () => {
  expect(decideServerKeys([a], [a], [a, { ...c }, { ...c, publicKey: 'other' }]).decision).toBe('refused')
})
test('a device that was led astray returns to a set with an enrollment key', () => {
  expect(decideServerKeys([a], [c], [a, b]).decision).toBe('accepted')
})
