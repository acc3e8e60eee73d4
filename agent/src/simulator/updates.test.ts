import { updateHistorySection, updatesSection } from '@breeze/contract/agent-inventory'
import { describe, expect, test } from 'vitest'
import { factsOf } from './facts.ts'
import { planFleet } from './fleet.ts'
import { patchNight } from './patch-night.ts'
import { seededPatches, updateHistoryOf, updatesOf } from './updates.ts'

const NOW = Date.parse('2026-11-26T08:00:00Z')
const fleet = planFleet()

describe('the updates of a simulated device', () => {
  test('follow from its seed, in the shape of the contract, and stay the same for a day', () => {
    for (const device of fleet) {
      const facts = factsOf(device, `seed ${device.name}`)
      const patches = seededPatches(facts, NOW)
      expect(seededPatches(facts, NOW + 3_600_000)).toEqual(patches)
      const updates = updatesOf(facts, patches, NOW)
      expect(updatesSection.shape.data.parse(updates)).toEqual(updates)
      const history = updateHistoryOf(patches)
      expect(updateHistorySection.shape.data.parse(history)).toEqual(history)
    }
  })
})

describe('a patch night', () => {
  test.each(['2026-11-26T08:00:00Z', '2026-11-26T01:00:00Z', '2026-11-26T02:20:00Z'])(
    'leaves 74 of 89 devices patched, 12 lacking one or two, 3 failed, all of it over at %s',
    (time) => {
      const now = Date.parse(time)
      const night = [...patchNight(fleet, now).values()]
      const failed = night.filter(({ history }) => history.some(({ outcome }) => outcome === 'failed'))
      const lacking = night.filter((patches) => patches.pending.length > 0 && !failed.includes(patches))
      expect([night.length, failed.length, lacking.length]).toEqual([89, 3, 12])
      expect(new Set(lacking.map(({ pending }) => pending.length))).toEqual(new Set([1, 2]))
      const mostly = lacking.filter(({ pending }) => pending.some(({ article }) => article === 'KB5034441'))
      expect(mostly).toHaveLength(11)
      for (const { history } of night) for (const { at } of history) expect(at.getTime()).toBeLessThanOrEqual(now)
    },
  )
})
