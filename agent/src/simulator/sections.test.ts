import { certificatesSection } from '@breeze/contract/agent-inventory'
import { expect, test } from 'vitest'
import { factsOf } from './facts.ts'
import { planFleet } from './fleet.ts'
import { type DeviceState, hashesOf, inventoryOf, type ToldSections } from './sections.ts'
import { Software } from './software-catalogue.ts'

const now = Date.parse('2026-11-25T12:00:00.000Z')
const DAY_MS = 86_400_000

function stateOf(name: string, told: ToldSections = new Map()): DeviceState {
  const planned = planFleet().find((device) => device.name === name)
  if (!planned) throw new Error(`no device ${name} is planned`)
  return {
    facts: factsOf(planned, name),
    boot: { id: 'boot', at: new Date(now) },
    services: new Map(),
    software: new Software('linux', 1, 3),
    patches: { pending: [], history: [] },
    restartDue: null,
    told,
    now,
  }
}
const report = (state: DeviceState) => inventoryOf(state, hashesOf(state), ['certificates', 'updates'], []).sections

test('servers have certificates that are renewed in time, workstations have none', () => {
  for (const device of planFleet()) {
    const section = certificatesSection.parse(report(stateOf(device.name)).certificates)
    const isServer = /-(?:DC|SQL|TS|WEB|NAS)-/.test(device.name)
    expect(section.data, device.name).toHaveLength(isServer ? 1 : 0)
    for (const { notAfter } of section.data ?? []) expect(Date.parse(notAfter)).toBeGreaterThan(now + 31 * DAY_MS)
  }
})

test('a scenario has a device tell what it wants, and when it was read', () => {
  const before = stateOf('Contoso-WEB-01')
  const [certificate] = report(before).certificates?.data ?? []
  if (!certificate) throw new Error('it has no certificate')
  const collectedAt = new Date('2026-11-25T04:47:00.000Z')
  const data = [{ ...certificate, notAfter: '2026-12-28T00:00:00.000Z' }]
  const after = stateOf('Contoso-WEB-01', new Map([['certificates', { data, collectedAt }]]))
  expect(report(after).certificates).toMatchObject({ collectedAt: collectedAt.toISOString(), data })
  expect(report(after).updates?.collectedAt).toBe(new Date(now).toISOString())
  expect(hashesOf(after).certificates).not.toBe(hashesOf(before).certificates)
  expect(hashesOf(after).updates).toBe(hashesOf(before).updates)
})
