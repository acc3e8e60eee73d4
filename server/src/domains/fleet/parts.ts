/** The parts of a fleet with what is known of each: four reads, whatever the number of devices. */
import { type Caller, organizationsAlso } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { countDevicesBy, type PlaceFilter, type PlaceLevel } from '../devices/place-counts.ts'
import { alertsByGroup, tallyBy } from '../alerts/tally.ts'
import { BUILT_IN } from '../compliance/frameworks/built-in.ts'
import { latestScores } from '../compliance/latest.ts'
import { countDevicesByGroup } from '../devices/group-counts.ts'
import { namedGroups } from '../devices/groups.ts'
import { siteNames } from '../organizations/service.ts'
import { countPatchesBy, countPatchesByGroup } from '../patches/place-counts.ts'
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

/** By name; what follows from each is asked of every device. */
const MOST_GROUPS = 50
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
  const scores = await latestScores(tx, now, BUILT_IN[0], level, filter)
  const names =
    level === 'site'
      ? await siteNames(
          tx,
          places.map(({ id }) => id),
        )
      : new Map<string, string>()
  const readsAlerts = organizationsAlso(caller, 'devices.read', 'alerts.read')
  const readsPatches = organizationsAlso(caller, 'devices.read', 'patches.read')
  const readsCompliance = organizationsAlso(caller, 'devices.read', 'compliance.read')
  const parts = places.map(({ id, organizationId, online, offline, pending, silent }): Part => {
    const facts: PartFacts = {
      online,
      offline,
      pending,
      silent,
      alerts: readsAlerts.has(organizationId) ? (alerts.get(id) ?? NO_ALERTS) : null,
      patches: readsPatches.has(organizationId) ? (patches.get(id) ?? NO_PATCHES) : null,
      compliance: readsCompliance.has(organizationId) ? (scores.get(id) ?? null) : null,
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

/** A device may be in several groups or in none, so the whole is not their sum. Compliance is kept by site and not by group. */
export async function groupHealth(
  tx: Tx,
  caller: Caller,
  now: Date,
  { filter, limit }: { filter: PlaceFilter; limit: number },
): Promise<FleetHealth> {
  const { whole } = await fleetHealth(tx, caller, now, { level: 'organization', filter, limit: 0 })
  const named = await namedGroups(tx, MOST_GROUPS)
  const groups = named.map(({ group }) => group)
  const counted = await countDevicesByGroup(tx, groups, filter)
  const alerts = await alertsByGroup(tx, groups, filter)
  const patches = await countPatchesByGroup(tx, now, groups, filter)
  const readsAlerts = organizationsAlso(caller, 'devices.read', 'alerts.read')
  const readsPatches = organizationsAlso(caller, 'devices.read', 'patches.read')
  const names = new Map(named.map(({ name, group }) => [group.id, name]))
  const parts = counted.map(({ id, organizationIds, ...devices }): Part => {
    const facts: PartFacts = {
      ...devices,
      alerts: organizationIds.every((of) => readsAlerts.has(of)) ? (alerts.get(id) ?? NO_ALERTS) : null,
      patches: organizationIds.every((of) => readsPatches.has(of)) ? (patches.get(id) ?? NO_PATCHES) : null,
      compliance: null,
    }
    return { id, name: names.get(id) ?? '', organization: null, facts, health: healthOf(facts) }
  })
  return { whole, parts: parts.toSorted(byHealth).slice(0, limit), total: parts.length }
}
