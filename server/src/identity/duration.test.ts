import { describe, expect, it } from 'vitest'
import { durationField, parseDuration } from './duration.ts'

describe('parseDuration', () => {
  it('reads a number and a unit, in either case', () => {
    const read = ['90s', '15m', '1h', '30d', '2W', ' 1h ', '0'].map(parseDuration)
    expect(read).toEqual([90_000, 900_000, 3_600_000, 2_592_000_000, 1_209_600_000, 3_600_000, 0])
  })

  it('reads nothing else', () => {
    for (const text of ['', '1', 'h', '1.5h', '-1h', '1h30m', '1 h', '1y', '9999999d', '0x1h']) {
      expect([text, parseDuration(text)]).toEqual([text, null])
    }
  })
})

describe('durationField', () => {
  it('says what is wrong with a value, and between which it must lie', () => {
    const field = durationField('1m', '30d')
    expect(field.safeParse('1h')).toMatchObject({ success: true, data: 3_600_000 })
    expect(field.safeParse('soon').error?.issues[0]?.message).toBe(
      '"soon" is not a duration. A number and a unit: 90s, 15m, 1h, 30d or 2w.',
    )
    expect(field.safeParse('59s').error?.issues[0]?.message).toBe('must be from 1m to 30d')
  })
})
