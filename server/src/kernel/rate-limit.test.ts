import { expect, it } from 'vitest'
import { LocalRateLimiter } from './rate-limit.ts'

function atTime() {
  let now = 0
  const limiter = new LocalRateLimiter(() => now, 3)
  return { limiter, pass: (ms: number) => (now += ms) }
}

it('allows up to the limit, then says how long to wait', () => {
  const { limiter, pass } = atTime()
  expect(limiter.take('a', 2, 60_000)).toEqual({ allowed: true })
  pass(10_000)
  expect(limiter.take('a', 2, 60_000)).toEqual({ allowed: true })
  expect(limiter.take('a', 2, 60_000)).toEqual({ allowed: false, retryAfterSeconds: 50 })
})

it('does not extend the wait for refused attempts', () => {
  const { limiter, pass } = atTime()
  limiter.take('a', 1, 60_000)
  for (let tried = 0; tried < 50; tried++) {
    pass(1_000)
    expect(limiter.take('a', 1, 60_000)).toMatchObject({ allowed: false })
  }
  pass(10_000)
  expect(limiter.take('a', 1, 60_000)).toEqual({ allowed: true })
})

it('takes several at once or none', () => {
  const { limiter } = atTime()
  expect(limiter.take('a', 3, 60_000, 2)).toEqual({ allowed: true })
  expect(limiter.take('a', 3, 60_000, 2)).toMatchObject({ allowed: false })
  expect(limiter.take('a', 3, 60_000, 1)).toEqual({ allowed: true })
})

it('forgets the keys unused for longest', () => {
  const { limiter } = atTime()
  for (const key of ['a', 'b', 'a', 'c', 'd']) limiter.take(key, 2, 60_000)
  expect(limiter.exhausted('a', 2)).toMatchObject({ allowed: false })
  expect(limiter.take('b', 1, 60_000)).toEqual({ allowed: true })
})
