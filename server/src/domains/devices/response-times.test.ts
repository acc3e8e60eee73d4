import { expect, test } from 'vitest'
import { ResponseTimes } from './response-times.ts'

/** Measurements that are never quite the same, as real ones are. */
function measure(times: ResponseTimes, milliseconds: number, count: number) {
  for (let n = 1; n < count; n++) times.measured('d', milliseconds + n / 1000)
  return times.measured('d', milliseconds)
}

test('slow is three measurements in a row that took clearly longer than usual, and normal again three others', () => {
  const times = new ResponseTimes()
  expect(times.measured('d', null)).toBeNull()
  expect(measure(times, 20, 50)).toMatchObject({ elevated: false })
  expect(measure(times, 400, 2)).toMatchObject({ elevated: false })
  expect(measure(times, 20, 1)).toMatchObject({ elevated: false })
  expect(measure(times, 400, 3)).toMatchObject({ elevated: true })
  expect(times.isElevated('d')).toBe(true)
  expect(measure(times, 30, 2)).toMatchObject({ elevated: true })
  expect(measure(times, 30, 3)).toMatchObject({ elevated: false })
})

test('the last measurement that comes again with each heartbeat counts once', () => {
  const times = new ResponseTimes()
  measure(times, 20, 10)
  for (let n = 0; n < 10; n++) times.measured('d', 900)
  expect(times.isElevated('d')).toBe(false)
  times.measured('d', null)
  expect(times.isElevated('d')).toBe(false)
})

test('slow measurements hardly move what is usual, a lasting distance does in the end', () => {
  const times = new ResponseTimes()
  measure(times, 20, 300)
  expect(measure(times, 1800, 10)?.usualMs).toBeLessThan(60)
  expect(times.isElevated('d')).toBe(true)
  // A device behind a satellite from its first day.
  const far = new ResponseTimes()
  expect(measure(far, 1200, 4)).toMatchObject({ elevated: true })
  expect(measure(far, 1200, 500)).toMatchObject({ elevated: false })
})

test('what was learned survives a restart', () => {
  const times = new ResponseTimes()
  times.restore('d', { usualMs: 20, elevated: true })
  expect(measure(times, 25, 3)).toMatchObject({ elevated: false })
  times.forget('d')
  expect(times.isElevated('d')).toBe(false)
})
