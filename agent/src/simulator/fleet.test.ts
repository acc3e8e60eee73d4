import { describe, expect, test } from 'vitest'
import { publicKeyText } from '../device-key.ts'
import { factsOf } from './facts.ts'
import { type PlannedDevice, planFleet } from './fleet.ts'
import { seededKey } from './seeded.ts'
import { deviceSeed } from './simulated-device.ts'

const count = (fleet: PlannedDevice[], which: Partial<PlannedDevice>): number =>
  fleet.filter((device) =>
    Object.entries(which).every(([key, value]) => Object.entries(device).some(([k, v]) => k === key && v === value)),
  ).length

describe('the planned fleet', () => {
  const fleet = planFleet()

  test('has 147 devices: 132 online, 12 offline, 3 pending, 89 of Contoso', () => {
    expect(fleet).toHaveLength(147)
    expect(count(fleet, { state: 'online' })).toBe(132)
    expect(count(fleet, { state: 'offline' })).toBe(12)
    expect(count(fleet, { state: 'pending' })).toBe(3)
    expect(count(fleet, { organization: 'Contoso' })).toBe(89)
    // Of each of them its patches are known.
    expect(count(fleet, { organization: 'Contoso', state: 'pending' })).toBe(0)
  })

  test('has most of its offline devices at one branch office', () => {
    expect(count(fleet, { state: 'offline', site: 'Contoso - Branch Office' })).toBe(9)
  })

  test('has the names that people know it by, each once and short enough for Windows', () => {
    const names = fleet.map((device) => device.name)
    expect(names).toEqual(expect.arrayContaining(['ACME-DC-01', 'ACME-PC-07', 'Contoso-SQL-02']))
    expect(new Set(names).size).toBe(names.length)
    const windows = fleet.filter((device) => factsOf(device, 'x').system.family === 'windows')
    expect(windows.filter((device) => device.name.length > 15)).toEqual([])
  })

  test.each([0, 1, 10, 500, 2000])('keeps its mix at %d devices and loses none', (devices) => {
    const scaled = planFleet(devices)
    expect(scaled).toHaveLength(devices)
    expect(Math.abs(count(scaled, { state: 'offline' }) - (12 * devices) / 147)).toBeLessThanOrEqual(5)
  })
})

function made(fleetSeed: string) {
  const [device] = planFleet(1)
  if (!device) throw new Error('no device')
  const seed = deviceSeed(fleetSeed, device.name)
  return { key: publicKeyText(seededKey(seed)), facts: factsOf(device, seed) }
}

describe('a seed', () => {
  test('gives the same key and facts again, and others for another seed', () => {
    expect(made('one')).toEqual(made('one'))
    expect(made('one').key).not.toBe(made('two').key)
    expect(made('one').facts.machineId).not.toBe(made('two').facts.machineId)
  })
})
