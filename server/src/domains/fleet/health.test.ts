import { describe, expect, it } from 'vitest'
import { byHealth, healthOf, type PartFacts, together } from './health.ts'

const none = { critical: 0, high: 0, medium: 0, low: 0, info: 0 }
const patched = { up_to_date: 0, missing: 0, failed: 0, unknown: 0 }
const part = (more: Partial<PartFacts> = {}): PartFacts => ({
  online: 10,
  offline: 0,
  pending: 0,
  silent: 0,
  alerts: none,
  patches: patched,
  compliance: null,
  ...more,
})
const named = (name: string, facts: PartFacts) => ({ name, facts, health: healthOf(facts) })

describe('health', () => {
  it('is whole without alerts, and loses a device for each critical one', () => {
    expect(healthOf(part())).toEqual({ score: 100, reasons: [] })
    expect(healthOf(part({ alerts: { ...none, critical: 2, high: 1 } }))).toEqual({
      score: 75,
      reasons: ['2 critical alerts', '1 high alert'],
    })
    expect(healthOf(part({ alerts: { ...none, critical: 50 } })).score).toBe(0)
    expect(healthOf(part({ online: 10_000, alerts: { ...none, low: 1 } })).score).toBe(99)
    expect(healthOf(part({ alerts: { ...none, info: 9 } }))).toEqual({ score: 100, reasons: [] })
  })

  it('is null where nothing is heard or read, and says why', () => {
    expect(healthOf(part({ online: 0, offline: 3, silent: 1 }))).toEqual({
      score: null,
      reasons: ['no device is heard from, so nothing is known', '1 not heard from for over a week'],
    })
    expect(healthOf(part({ alerts: null }))).toMatchObject({
      score: null,
      reasons: [expect.stringContaining('not yours')],
    })
    expect(healthOf(part({ online: 0 })).reasons).toEqual(['no devices'])
  })

  it('tells of offline devices and of patches in words', () => {
    const facts = part({ offline: 5, pending: 1, patches: { ...patched, failed: 3, missing: 12, unknown: 2 } })
    expect(healthOf(facts).reasons).toEqual([
      '5 of 16 devices offline, not assessed',
      'updates failed on 3',
      'updates missing on 12',
      'patch state of 2 unknown',
      '1 never connected',
    ])
  })

  it('puts the worst first, and the unknown between what is wrong and what is well', () => {
    const parts = [
      named('well', part()),
      named('dark', part({ online: 0, offline: 2 })),
      named('bad', part({ alerts: { ...none, critical: 5 } })),
      named('grim', part({ alerts: { ...none, critical: 9 } })),
      named('unsteady', part({ silent: 2 })),
    ]
    expect(parts.toSorted(byHealth).map(({ name }) => name)).toEqual(['grim', 'bad', 'dark', 'unsteady', 'well'])
  })

  it('adds up, and what is not known of a part is not known of the whole', () => {
    const sum = together([part({ alerts: { ...none, low: 1 } }), part({ offline: 1, alerts: { ...none, low: 2 } })])
    expect(sum).toMatchObject({ online: 20, offline: 1, alerts: { low: 3 } })
    expect(together([part(), part({ patches: null })])).toMatchObject({ alerts: none, patches: null })
    expect(together([])).toMatchObject({ online: 0, alerts: none })
  })
})
