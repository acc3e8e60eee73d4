import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { exists } from './files.ts'
import { systemdService, systemdServices } from './systemd.ts'
import { scriptNames, sysvService, sysvServices } from './sysv.ts'

/** What starts and stops services on this system now; undefined where nothing does, as in most containers. */
export async function serviceManager(): Promise<'systemd' | 'sysv' | undefined> {
  // sd_booted(3). That systemctl is installed says nothing.
  if (await exists('/run/systemd/system')) return 'systemd'
  return (await scriptNames()).length > 0 ? 'sysv' : undefined
}

export async function listServices(manager: 'systemd' | 'sysv'): Promise<ServiceItem[]> {
  return manager === 'systemd' ? await systemdServices() : await sysvServices()
}

/** Undefined where there is no such service. */
export async function readService(name: string): Promise<ServiceItem | undefined> {
  const manager = await serviceManager()
  if (!manager) return undefined
  return manager === 'systemd' ? await systemdService(name) : await sysvService(name)
}
