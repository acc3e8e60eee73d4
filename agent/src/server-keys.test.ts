import type { ServerKey } from '@breeze/contract/agent-protocol'
import { expect, test } from 'vitest'
import { endorsed, published, signingKey } from '../test/stub-server.ts'
import { decideServerKeys } from './server-keys.ts'

const [first, second, third, stranger] = [signingKey('a'), signingKey('b'), signingKey('c'), signingKey('x')]
const a = published(first)
const b = endorsed(second, first)
const c = endorsed(third, second)
const x = published(stranger)

const decide = (trusted: ServerKey[], offered: ServerKey[], pinned: ServerKey[] = [a]) =>
  decideServerKeys(pinned, trusted, offered).decision

test('the same set changes nothing', () => {
  expect(decide([a, b], [a, b])).toBe('unchanged')
})
test('a new key comes in by the word of a trusted one', () => {
  expect(decideServerKeys([a], [a], [b, a])).toEqual({ decision: 'accepted', keys: [b, a] })
})
test('a device that was away for two rotations follows the chain, in whatever order it is given', () => {
  expect(decide([a], [c, b])).toBe('accepted')
  expect(decide([a], [b, c])).toBe('accepted')
  expect(decide([b], [c])).toBe('accepted')
})
test('a chain with a missing link is refused', () => {
  expect(decide([a], [c, a])).toBe('refused')
})
test('a stranger beside a trusted key is refused, and the whole set with it', () => {
  expect(decide([a], [x, a])).toBe('refused')
  expect(decide([a], [a, b, x])).toBe('refused')
})
test('strangers that endorse each other or themselves are refused', () => {
  const y = endorsed(signingKey('y'), stranger)
  expect(decide([a], [endorsed(stranger, stranger), y, a])).toBe('refused')
  expect(decide([a], [endorsed(stranger, signingKey('y')), y])).toBe('refused')
})
test('an endorsement serves no other key and no other id', () => {
  const { endorsedBy } = b
  if (!endorsedBy) throw new Error('unreachable')
  expect(decide([a], [{ ...x, endorsedBy }, a])).toBe('refused')
  expect(decide([a], [{ ...b, id: 'b2' }, a])).toBe('refused')
})
test('another key under a known id is refused, even with an endorsement', () => {
  const forged = endorsed({ id: 'a', key: stranger.key }, second)
  expect(decide([a, b], [b, forged])).toBe('refused')
})
test('an id given twice is refused', () => {
  expect(decide([a], [a, b, { ...b, publicKey: x.publicKey }])).toBe('refused')
})
test('the keys of the enrollment stay an anchor', () => {
  expect(decide([c], [b, a])).toBe('accepted')
})
