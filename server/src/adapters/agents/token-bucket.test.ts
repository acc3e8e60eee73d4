import { expect, test } from 'vitest'
import { TokenBucket, TokenBuckets } from './token-bucket.ts'

test('a burst is allowed, then as many as flow in', () => {
  const bucket = new TokenBucket(2, 3, 0)
  for (let n = 0; n < 3; n++) {
    expect(bucket.wait(0)).toBe(0)
    bucket.spend()
  }
  expect(bucket.wait(0)).toBe(500)
  expect(bucket.wait(500)).toBe(0)
  bucket.spend(5)
  expect(bucket.wait(500)).toBe(2500)
  // A clock that goes back takes nothing away.
  expect(bucket.wait(0)).toBe(2500)
})

test('one key does not pay for another, and the oldest are forgotten', () => {
  const buckets = new TokenBuckets(1, 2)
  buckets.of('a', 0).spend()
  expect(buckets.of('a', 0).wait(0)).toBe(60_000)
  expect(buckets.of('b', 0).wait(0)).toBe(0)
  buckets.of('a', 0)
  buckets.of('c', 0)
  expect(buckets.of('a', 0).wait(0)).toBe(60_000)
})
