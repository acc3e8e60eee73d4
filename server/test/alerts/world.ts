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
