/** Looks for words in whatever the caller may read: devices, alerts, organizations, sites and operations. */
import { type Caller, organizationsAlso } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { bestOf, readWanted } from '../../kernel/matching.ts'
import { searchAlerts } from '../alerts/search.ts'
import { searchDevices } from '../devices/search.ts'
import { searchOperations } from '../operations/search.ts'
import { searchPlaces } from '../organizations/search.ts'
import type { Kind } from './document-id.ts'

export interface Hit {
  kind: Kind
  id: string
  name: string
  title: string
  rank: number
}

export const MOST_HITS = 20
/** Of alerts that are over, those of the last month. */
const HISTORY_MS = 30 * 86_400_000

export async function findAll(tx: Tx, caller: Caller, now: Date, text: string): Promise<Hit[]> {
  const wanted = readWanted(text)
  const since = new Date(now.getTime() - HISTORY_MS)
  const ofAlerts = [...organizationsAlso(caller, 'devices.read', 'alerts.read')]
  const ofOperations = [...organizationsAlso(caller, 'devices.read', 'operations.read')]
  const places = await searchPlaces(tx, wanted, MOST_HITS)
  const devices = await searchDevices(tx, wanted, MOST_HITS)
  const alerts = await searchAlerts(tx, wanted, { organizationIds: ofAlerts, since }, MOST_HITS)
  const operations = await searchOperations(tx, wanted, ofOperations, MOST_HITS)
  const hits: Hit[] = [
    ...places.map(({ kind, id, name, organization, rank }) => {
      return {
        kind,
        id,
        name,
        rank,
        title: organization === null ? `${name} (organization)` : `${name} (site of ${organization})`,
      }
    }),
    ...devices.map(({ id, name, organization, site, rank }) => {
      return { kind: 'device' as const, id, name, rank, title: `${name} (${organization}, ${site})` }
    }),
    ...alerts.map(({ id, title, severity, status, device, organization, rank }) => {
      const name = `${device ?? organization}: ${title}`
      return { kind: 'alert' as const, id, name, rank, title: `${severity} alert, ${status}: ${name}` }
    }),
    ...operations.map(({ id, tool, summary, createdAt, rank }) => {
      const name = `${tool}: ${summary}`
      return { kind: 'operation' as const, id, name, rank, title: `${name} (${createdAt.toISOString().slice(0, 16)}Z)` }
    }),
  ]
  return bestOf(hits).slice(0, MOST_HITS)
}
