import { expect, test } from 'vitest'
import { Batch } from './batch.ts'

const doubled = (handled: number[][], fail: (items: number[]) => void = () => {}) =>
  new Batch<number, number>({
    windowMs: 1,
    maxItems: 3,
    maxWeight: 100,
    weigh: (item) => item,
    async handle(items) {
      handled.push(items)
      fail(items)
      await new Promise((resolve) => setTimeout(resolve, 2))
      return items.map((item) => item * 2)
    },
  })
const dataError = Object.assign(new Error('value out of range'), { code: '22003' })

test('what comes within the window is handled together, in order, up to the bounds', async () => {
  const handled: number[][] = []
  const batch = doubled(handled)
  const answers = await Promise.all([1, 2, 3, 4, 60, 70, 500].map((item) => batch.add(item)))
  expect(answers).toEqual([2, 4, 6, 8, 120, 140, 1000])
  expect(handled).toEqual([[1, 2, 3], [4, 60], [70], [500]])
  await batch.idle()
  expect(batch.size).toBe(0)
})

test('a datum that the database refuses fails alone', async () => {
  const batch = doubled([], (items) => {
    if (items.includes(2)) throw dataError
  })
  const results = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)))
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a database that is away fails the batch at once, and the next one is tried', async () => {
  const handled: number[][] = []
  let away = true
  const batch = doubled(handled, () => {
    if (away) throw new Error('connection refused')
  })
  const results = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)))
  expect(results.every((result) => result.status === 'rejected')).toBe(true)
  expect(handled).toHaveLength(1)
  away = false
  expect(await batch.add(4)).toBe(8)
})
