/** Devices with facts as their agents would have sent them, written past the agents. */
import type { Posture, SectionData } from '@breeze/contract/agent-inventory'
import type { Harness, Organization } from '../harness.ts'

const finding = <Data>(data: Data) => ({ status: 'ok' as const, source: 'a test', data })

/** In order, but for what is named. */
export const postureOf = (part: Partial<Posture> = {}): Posture => ({
  diskEncryption: finding([{ mount: '/', encrypted: true, method: 'luks' }]),
  firewall: finding({ product: 'nftables', installed: true, enabled: true, defaultDenyInbound: true }),
  antimalware: finding([
    { product: 'ClamAV', running: true, realTime: true, definitionsUpdatedAt: new Date().toISOString() },
  ]),
  ssh: finding({ running: true, passwordAuthentication: true, permitRootLogin: 'no' as const, port: 22 }),
  screenLock: finding({ enabled: true, afterSeconds: 300 }),
  timeSync: finding({ synchronized: true, service: 'chrony', running: true }),
  rebootPending: finding({ pending: false, reasons: [] }),
  endOfLife: finding({ supportedUntil: '2099-01-01', product: 'Debian GNU/Linux 12' }),
  ...part,
})
export const firewallOff: Partial<Posture> = {
  firewall: finding({ product: 'nftables', installed: true, enabled: false, defaultDenyInbound: null }),
}
export const diskOpen: Partial<Posture> = {
  diskEncryption: finding([{ mount: '/srv', encrypted: false, method: null }]),
}

export const userCalled = (name: string, more: Partial<SectionData<'users'>['users'][number]> = {}) => ({
  name,
  id: '1000',
  displayName: null,
  administrator: false,
  enabled: true,
  interactive: true,
  password: 'set' as const,
  passwordChangedOn: null,
  lastSignInAt: new Date().toISOString(),
  ...more,
})

export interface Told {
  role?: string
  siteId?: string
  posture?: Posture
  users?: ReturnType<typeof userCalled>[]
  updates?: SectionData<'updates'>['updates']
  /** Days since the device was last heard. */
  silentDays?: number
}

/** An enrolled device that has told all that checks ask for. */
export async function deviceWithFacts(world: Harness, place: Organization, name: string, told: Told = {}) {
  const { role = 'workstation', siteId = place.siteId, silentDays = 0 } = told
  const id = await world.device(place, name, { role, siteId, status: 'online' })
  const at = new Date(Date.now() - silentDays * 86_400_000)
  await world.sql(
    'insert into device_presence (device_id, organization_id, site_id, last_seen_at) values ($1, $2, $3, $4)',
    [id, place.id, siteId, at],
  )
  const sections: Record<string, unknown> = {
    posture: told.posture ?? postureOf(),
    users: { users: told.users ?? [userCalled('anna')], sessions: [] },
    software: { count: 700 },
    updates: { manager: 'apt', listsUpdatedAt: at.toISOString(), updates: told.updates ?? [] },
    services: [
      { name: 'cron', displayName: null, state: 'running', start: 'automatic', manager: 'systemd', pid: 7 },
      { name: 'rsyslog.service', displayName: null, state: 'running', start: 'automatic', manager: 'systemd', pid: 8 },
    ],
  }
  for (const [section, data] of Object.entries(sections)) await tell(world, id, section, data, at)
  const { patches } = world.server.services
  patches.reported([{ deviceId: id, section: 'updates', before: null, after: { status: 'ok', collectedAt: at } }])
  await patches.idle()
  return id
}

export async function tell(world: Harness, device: string, section: string, data: unknown, at = new Date()) {
  await world.sql(
    `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, received_at, hash, data)
     select id, $2, organization_id, site_id, 'ok', 'a test', $3, $3, 'h', $4 from devices where id = $1
     on conflict (device_id, section) do update set data = excluded.data, received_at = excluded.received_at,
       collected_at = excluded.collected_at`,
    [device, section, at, JSON.stringify(data)],
  )
}
