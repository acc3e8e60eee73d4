/** The parts of a fleet with what is known of each: three reads, whatever the number of devices. */
import { type Caller, organizationsAlso } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { countDevicesBy, type PlaceFilter, type PlaceLevel } from '../devices/place-counts.ts'
import { tallyBy } from '../alerts/tally.ts'
import { siteNames } from '../organizations/service.ts'
import { countPatchesBy } from '../patches/place-counts.ts'
import { byHealth, type Health, healthOf, type PartFacts, together } from './health.ts'

export interface Part {
  id: string
  name: string
  /** Of a site. */
  organization: string | null
  facts: PartFacts
  health: Health
}

export interface FleetHealth {
  whole: { facts: PartFacts; health: Health }
  /** The worst first, as many as were asked for. */
  parts: Part[]
  total: number
}

const NO_ALERTS = { critical: 0, high: 0, medium: 0, low: 0, info: 0 }
const NO_PATCHES = { up_to_date: 0, missing: 0, failed: 0, unknown: 0 }

export async function fleetHealth(
  tx: Tx,
  caller: Caller,
  now: Date,
  asked: { level: PlaceLevel; filter: PlaceFilter; limit: number },
): Promise<FleetHealth> {
  const { level, filter, limit } = asked
  const places = await countDevicesBy(tx, level, filter)
  const alerts = await tallyBy(tx, level, filter)
  const patches = await countPatchesBy(tx, now, level, filter)
  const names =
    level === 'site'
      ? await siteNames(
          tx,
          places.map(({ id }) => id),
        )
      : new Map<string, string>()
  const readsAlerts = organizationsAlso(caller, 'devices.read', 'alerts.read')
  const readsPatches = organizationsAlso(caller, 'devices.read', 'patches.read')
  const parts = places.map(({ id, organizationId, online, offline, pending, silent }): Part => {
    const facts: PartFacts = {
      online,
      offline,
      pending,
      silent,
      alerts: readsAlerts.has(organizationId) ? (alerts.get(id) ?? NO_ALERTS) : null,
      patches: readsPatches.has(organizationId) ? (patches.get(id) ?? NO_PATCHES) : null,
    }
    const organization = caller.organizations.get(organizationId)?.name ?? ''
    return {
      id,
      name: level === 'site' ? (names.get(id) ?? '') : organization,
      organization: level === 'site' ? organization : null,
      facts,
      health: healthOf(facts),
    }
  })
  const facts = together(parts.map((part) => part.facts))
  return {
    whole: { facts, health: healthOf(facts) },
    parts: parts.toSorted(byHealth).slice(0, limit),
    total: parts.length,
  }
}
