/** What follows from inventory for the device's own row. */
import type { InventorySections } from '@breeze/contract/agent-inventory'
import { productName } from './device-name.ts'
import type { DeviceRole } from './tables.ts'

type OsFacts = NonNullable<InventorySections['os']['data']>

/** Windows says what it is; where an agent could not ask, its name does. A Linux machine is taken for a server. */
export function roleOf(os: Pick<OsFacts, 'family' | 'name' | 'productType'>): DeviceRole {
  if (os.family === 'linux') return 'server'
  if (os.family === 'macos') return 'workstation'
  return os.productType ?? (/\bserver\b/i.test(os.name) ? 'server' : 'workstation')
}

export function osText(os: OsFacts): string | null {
  const name = os.name.includes(os.version) ? os.name : `${os.name} ${os.version}`
  return productName(name, 120)
}
