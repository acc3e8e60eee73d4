import { type CommandArgs, RESULT_DATA } from '@breeze/contract/agent-commands'
import { updateHistorySection, updatesSection } from '@breeze/contract/agent-inventory'
import { describe, expect, test } from 'vitest'
import { factsOf } from './facts.ts'
import { planFleet } from './fleet.ts'
import { patchNight } from './patch-night.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import { updateCommands } from './update-commands.ts'
import { type Patches, seededPatches, updateHistoryOf, updatesOf } from './updates.ts'

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

describe('installing updates on a simulated device', () => {
  const planned = fleet.find(({ kind }) => kind === 'database')
  if (!planned) throw new Error('the fleet has no database server')
  const facts = factsOf(planned, 'seed')
  const openssl = { name: 'openssl', installed: '3.0.14', available: '3.0.15', security: true }
  const kernel = { name: 'linux-image-amd64', installed: '6.1.112', available: '6.1.115', security: true }

  async function install(failingUpdates: number, updates: CommandArgs<'updates.install'>['updates']) {
    let patches: Patches = { pending: [openssl, kernel], history: [] }
    let restart: boolean | null = null
    const machine = {
      look: () => ({ facts, bootedAt: new Date(NOW), now: new Date(NOW), services: () => [] }),
      failingUpdates,
      patches: () => patches,
      patched: (next: Patches, restartDue: boolean) => {
        patches = next
        restart ||= restartDue || null
      },
      restartDue: () => restart,
      // The other parts are none of what installing touches.
    } as unknown as SimulatedMachine
    const told: string[] = []
    const result = await updateCommands(machine)['updates.install']?.run({
      commandId: 'id',
      args: { updates, timeoutSeconds: 60 },
      signal: new AbortController().signal,
      reply: async () => true,
      tell: async (names) => {
        told.push(...names)
        return {}
      },
    })
    return { outcome: result?.outcome, data: RESULT_DATA['updates.install'].parse(result?.outcome.data), patches, told }
  }

  test('takes what is pending into the history, wants a restart for a kernel, and tells its sections first', async () => {
    const { outcome, data, patches, told } = await install(0, [
      { name: 'openssl', version: '3.0.15' },
      { name: 'linux-image-amd64', version: null },
    ])
    expect(outcome?.state).toBe('succeeded')
    expect(data.results).toEqual([
      { name: 'openssl', state: 'installed', before: '3.0.14', after: '3.0.15' },
      { name: 'linux-image-amd64', state: 'installed', before: '6.1.112', after: '6.1.115' },
    ])
    expect(data.rebootPending).toBe(true)
    expect(patches.pending).toEqual([])
    expect(patches.history.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['linux-image-amd64', 'installed'],
      ['openssl', 'installed'],
    ])
    expect(told).toContain('update_history')
  })

  test('fails with a reason and leaves the update pending; what is not offered is not available', async () => {
    const { outcome, data, patches } = await install(1, [
      { name: 'openssl', version: null },
      { name: 'openssl', version: '9' },
      { name: 'unheard-of', version: null },
    ])
    expect(outcome).toMatchObject({ state: 'failed', reason: '3 of 3 updates were not installed' })
    expect(data.results.map(({ state }) => state)).toEqual(['failed', 'not_available', 'not_available'])
    expect(data.results[0]?.reason).toMatch(/\w/)
    expect(patches.pending).toEqual([openssl, kernel])
    expect(patches.history[0]).toMatchObject({ name: 'openssl', outcome: 'failed', reason: data.results[0]?.reason })
  })
})
