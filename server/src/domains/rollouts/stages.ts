/** Which device is in which stage: few and unimportant ones first. The same devices are always split in the same way. */
import { createHash } from 'node:crypto'

export interface Ring {
  name?: string | undefined
  /** One of the three; of the devices that no ring before took. */
  devices?: readonly string[] | undefined
  count?: number | undefined
  /** Of all devices, rounded up. */
  percent?: number | undefined
}

export interface Staged {
  id: string
  /** Others depend on it: it comes late within whatever is taken by number. */
  critical?: string | undefined
}

export interface Stage {
  name: string
  deviceIds: string[]
}

/** Fewer devices are one stage: there is nobody to go ahead. */
const FEW = 3

export function defaultRings(devices: number): Ring[] {
  if (devices < FEW) return []
  const canaries = Math.max(1, Math.min(10, Math.ceil(devices / 20)))
  return [{ name: 'canary', count: canaries }, ...(devices >= 20 ? [{ name: 'early', percent: 20 }] : [])]
}

/** What no ring takes is the last stage. */
export function split(devices: readonly Staged[], rings: readonly Ring[]): Stage[] {
  let left = ordered(devices)
  const stages: Stage[] = []
  for (const [index, ring] of rings.entries()) {
    const named = ring.devices && new Set(ring.devices)
    const most = ring.count ?? Math.ceil((devices.length * (ring.percent ?? 0)) / 100)
    const taken = named ? left.filter(({ id }) => named.has(id)) : left.slice(0, most)
    if (taken.length === 0) continue
    const ids = new Set(taken.map(({ id }) => id))
    left = left.filter(({ id }) => !ids.has(id))
    stages.push({ name: ring.name ?? `ring ${index + 1}`, deviceIds: [...ids] })
  }
  if (left.length > 0) stages.push({ name: stages.length === 0 ? 'all' : 'rest', deviceIds: left.map(({ id }) => id) })
  return stages
}

/** By a digest, so that a first ring is not all of one site or one day of purchase. */
function ordered(devices: readonly Staged[]): Staged[] {
  const keyed = devices.map((device) => ({ device, key: createHash('sha256').update(device.id).digest('hex') }))
  keyed.sort(
    (a, b) =>
      Number(a.device.critical !== undefined) - Number(b.device.critical !== undefined) || (a.key < b.key ? -1 : 1),
  )
  return keyed.map(({ device }) => device)
}
