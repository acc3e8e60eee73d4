/** How the fleet does, as the tool answers it. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import type { Counts } from '../alerts/alerts.ts'

export interface Health {
  /** 0 to 100; null: nothing is known. */
  health: number | null
  devices: { online: number; offline: number; pending: number; silent: number }
  /** Null: not the caller's to read. */
  alerts: Counts | null
  patches: { up_to_date: number; missing: number; failed: number; unknown: number } | null
  reasons: string[]
}

export interface HealthGroup extends Health {
  id: string
  name: string
}

export interface FleetHealth extends Health {
  groups: HealthGroup[]
  total: number
  not_assessed: string[]
}

const REFRESH_MS = 60_000

/** By organization; of one organization, by site. */
export const fleetHealth = (organization: string | undefined) =>
  queryOptions({
    queryKey: ['fleet_health_check', organization],
    queryFn: () => api.tool<FleetHealth>('fleet_health_check', { limit: 100, ...(organization && { organization }) }),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    refetchInterval: REFRESH_MS,
    retry: false,
  })

export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

/** Of those whose state is known; null where none is. */
export function patchedPercent(patches: NonNullable<Health['patches']>): number | null {
  const known = patches.up_to_date + patches.missing + patches.failed
  return known === 0 ? null : Math.round((100 * patches.up_to_date) / known)
}
