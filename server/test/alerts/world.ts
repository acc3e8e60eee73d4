/** Two customers with alerts as they stand in the morning. */
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type HarnessOptions, type Organization } from '../harness.ts'
import { alertRow, type AlertRow } from './rows.ts'

export interface AlertWorld {
  h: Harness
  acme: Organization
  globex: Organization
  /** By name, as the factories made them. */
  devices: Record<string, string>
  caller(role: string, organization: Organization | null, scopes?: string[]): Promise<Caller>
  alert(device: string, more?: AlertRow): Promise<string>
}

export async function alertWorld(options: HarnessOptions = {}): Promise<AlertWorld> {
  const h = await boot(options)
  await h.sql(
    `insert into roles (id, name, level, admin, permissions) values ('devices_only', 'Devices only', 'organization', false, '{devices.read}')`,
  )
  const acme = await h.organization('Acme')
  const globex = await h.organization('Globex')
  const devices: Record<string, string> = {}
  for (const name of ['ACME-DC-01', 'ACME-WS-1', 'ACME-WS-2'])
    devices[name] = await h.device(acme, name, { role: name.includes('DC') ? 'domain_controller' : 'workstation' })
  devices['GLOBEX-1'] = await h.device(globex, 'GLOBEX-1')
  const placeOf = (device: string) => (device.startsWith('ACME') ? acme : globex)
  return {
    h,
    acme,
    globex,
    devices,
    caller: async (role, organization, scopes = ['ai:execute']) =>
      h.caller(await h.key(await h.user(role, organization?.id ?? null), scopes)),
    alert: (name, more = {}) => {
      const device = devices[name]
      if (device === undefined) throw new Error(`no device ${name}`)
      const { id, siteId } = placeOf(name)
      return alertRow(h, { id, siteId }, { device, ...more })
    },
  }
}

export const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000)

export const DISK = { value: 97, threshold: 90, unit: '%' }

/** A night's alerts by what they are called here. */
export async function morning(w: AlertWorld): Promise<Record<string, string>> {
  return {
    disk: await w.alert('ACME-DC-01', {
      severity: 'critical',
      title: 'Disk C: is nearly full',
      detail: DISK,
      lastValue: 98,
      occurrences: 4,
      openedAt: hoursAgo(5),
    }),
    cpu: await w.alert('ACME-WS-1', { severity: 'high', title: 'CPU busy', openedAt: hoursAgo(6) }),
    patch: await w.alert('ACME-WS-1', {
      severity: 'high',
      title: 'Patch failed',
      signal: 'patch_failed',
      openedAt: hoursAgo(1),
    }),
    low: await w.alert('ACME-WS-2', { severity: 'low', title: 'Clean up', openedAt: hoursAgo(72) }),
    taken: await w.alert('ACME-WS-2', {
      severity: 'low',
      title: 'In hand',
      status: 'acknowledged',
      openedAt: hoursAgo(60),
    }),
    over: await w.alert('ACME-DC-01', {
      severity: 'critical',
      title: 'Over',
      status: 'resolved',
      openedAt: hoursAgo(7),
    }),
    foreign: await w.alert('GLOBEX-1', { severity: 'critical', title: 'Service stopped', openedAt: hoursAgo(3) }),
  }
}
