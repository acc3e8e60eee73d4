/** Who could wake whom: the stored hardware addresses of sleeping devices, and devices of the same site that are awake. */
import { wakeArgs } from '@breeze/contract/agent-commands'
import { networkSection, type SectionData } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import { TRUSTED_SQL } from './conditions.ts'
import type { DeviceTarget } from './service.ts'

export interface Peer {
  id: string
  name: string
  organizationId: string
  siteId: string
}

export interface Sleeper {
  target: DeviceTarget
  /** Empty where none is known. */
  macs: string[]
  /** Up to three; empty where no device of the site can send. */
  peers: Peer[]
  /** Why nobody is asked to wake it. */
  obstacle?: string
}

const PEERS = 3
/** The cards of one device that are worth a packet. */
const CARDS = 4

/** What is online is awake: it sends, and is not woken. */
export async function planWaking(tx: Tx, targets: readonly DeviceTarget[]): Promise<Sleeper[]> {
  const asleep = targets.filter(({ status }) => status !== 'online')
  const [macs, peers] = [await hardwareAddresses(tx, asleep), await peersOf(tx, asleep)]
  return targets.map((target): Sleeper => {
    const known = { target, macs: macs.get(target.id) ?? [], peers: peers.get(target.siteId) ?? [] }
    const obstacle = obstacleOf(known)
    return obstacle === undefined ? known : { ...known, obstacle }
  })
}

function obstacleOf({ target, macs, peers }: Sleeper): string | undefined {
  if (target.status === 'online') return 'it is online already'
  if (macs.length === 0) return 'no hardware address of it is known'
  if (peers.length === 0) return 'no other device of its site is online and can send a wake-up packet'
  return undefined
}

const SECTIONS = `
  select device_id, data from device_sections where device_id = any ($1::uuid[]) and section = 'network' and status = 'ok'`

async function hardwareAddresses(tx: Tx, devices: readonly DeviceTarget[]): Promise<Map<string, string[]>> {
  const ids = devices.map(({ id }) => id)
  const rows = await tx.prepared<{ device_id: string; data: unknown }>('network_of_devices', SECTIONS, [ids])
  return new Map(rows.map((row) => [row.device_id, macsOf(row.data)]))
}

/** Cards with an address first: they are the ones that a cable or an access point is on. */
export function macsOf(stored: unknown): string[] {
  const cards = networkSection.shape.data.safeParse(stored).data ?? []
  const ranked = cards.toSorted((a, b) => rank(a) - rank(b))
  const macs = ranked.flatMap(({ mac }) => (mac !== null && isWakeable(mac) ? [mac.toLowerCase()] : []))
  return [...new Set(macs)].slice(0, CARDS)
}

type Card = SectionData<'network'>[number]
const VIRTUAL = /^(?:lo|docker|veth|br-|virbr|tun|tap|wg)/
const rank = (card: Card): number => (VIRTUAL.test(card.name) ? 2 : 0) + (card.addresses.length > 0 ? 0 : 1)

/** Neither all zeros (loopback) nor a group's address. */
const isWakeable = (mac: string): boolean =>
  wakeArgs.shape.macs.element.safeParse(mac).success &&
  !/^[0:]+$/.test(mac) &&
  Number.parseInt(mac.slice(0, 2), 16) % 2 === 0

const CAN_WAKE = JSON.stringify([{ name: 'network.wake', supported: true }])

const AWAKE = `
  select s.id as site_id, p.id, p.name, p.organization_id
  from unnest($1::uuid[]) as s (id) cross join lateral (
    select d.id, d.name, d.organization_id from devices d
    join device_sections c on c.device_id = d.id and c.section = 'capabilities' and c.status = 'ok' and c.data @> $2::jsonb
    where d.site_id = s.id and d.status = 'online' and d.removed_at is null and ${TRUSTED_SQL}
    order by d.id limit ${PEERS}) p`

interface AwakeRow {
  site_id: string
  id: string
  name: string
  organization_id: string
}

async function peersOf(tx: Tx, devices: readonly DeviceTarget[]): Promise<Map<string, Peer[]>> {
  const sites = [...new Set(devices.map(({ siteId }) => siteId))]
  const rows = await tx.prepared<AwakeRow>('awake_peers', AWAKE, [sites, CAN_WAKE])
  const peers = rows.map((row) => ({
    id: row.id,
    name: row.name,
    organizationId: row.organization_id,
    siteId: row.site_id,
  }))
  return Map.groupBy(peers, (peer) => peer.siteId)
}
