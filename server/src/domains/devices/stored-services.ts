/** The services that a device reported last: listed, and looked up by the names that people use for them. */
import { servicesSection, type ServiceItem } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import type { Denial } from '@breeze/contract/governance'
import { KernelError } from '../../kernel/errors.ts'
import { cleanName, productName } from './device-name.ts'
import type { Devices } from './service.ts'

export interface StoredServices {
  device: { id: string; name: string }
  status: string
  /** Why there is no list. */
  detail: string | null
  source: string | null
  collectedAt: string | null
  /** Until when the list is known to have been true. */
  confirmedAt: string | null
  services: ServiceItem[]
}

/** Null for a device that the transaction does not see. */
export async function storedServices(tx: Tx, devices: Devices, id: string): Promise<StoredServices | null> {
  const device = await devices.deviceDetails(tx, id, ['services'])
  if (!device) return null
  const section = device.sections.find(({ name }) => name === 'services')
  const parsed = section?.status === 'ok' ? servicesSection.shape.data.safeParse(section.data) : undefined
  return {
    device: { id: device.id, name: device.name },
    status: section === undefined ? 'not_collected' : parsed?.success === false ? 'error' : section.status,
    detail: section?.detail ?? null,
    source: section?.source ?? null,
    collectedAt: section?.collectedAt ?? null,
    confirmedAt: section?.confirmedAt ?? null,
    services: parsed?.data ?? [],
  }
}

/** `cron` means `cron.service`, and what Windows shows as "Print Spooler" is `Spooler`. */
const plain = (name: string): string => name.toLowerCase().replace(/\.service$/, '')

/**
 * The name by which the device's own manager knows a service. Throws with the ones that could be meant when the list has
 * others like it; a name unlike any is left to the device, which may know a newer one.
 */
export function serviceName(stored: StoredServices, wanted: string): string {
  const exact = stored.services.find(({ name }) => name === wanted)
  if (exact) return exact.name
  const same = stored.services.filter(
    ({ name, displayName }) => plain(name) === plain(wanted) || displayName?.toLowerCase() === wanted.toLowerCase(),
  )
  const [only] = same
  if (only && same.length === 1) return only.name
  const candidates = same.length > 1 ? same : alike(stored.services, wanted)
  if (candidates.length === 0) return wanted
  throw unclear(stored, wanted, candidates, same.length > 1)
}

function alike(services: readonly ServiceItem[], wanted: string): ServiceItem[] {
  const text = plain(wanted)
  const start = text.slice(0, 4)
  return services.filter((service) => {
    const names = [plain(service.name), service.displayName?.toLowerCase() ?? '']
    return names.some((name) => name !== '' && (name.includes(text) || text.includes(name) || name.startsWith(start)))
  })
}

const CANDIDATES = 10
/** A refusal is the server's text: of what a device calls its services, only what looks like a name stands in one. */
const NAME = /^[\w@.:\\$ -]{1,120}$/

function unclear(stored: StoredServices, wanted: string, found: readonly ServiceItem[], several: boolean): KernelError {
  const candidates: NonNullable<Denial['candidates']> = found
    .filter(({ name }) => NAME.test(name))
    .slice(0, CANDIDATES)
    .map(({ name, displayName, state }) => ({
      id: name,
      name: productName(displayName ?? name, 80) ?? name,
      detail: state,
    }))
  const quoted = cleanName(wanted, 80) ?? ''
  return new KernelError({
    code: several ? 'ambiguous' : 'not_found',
    reason: several
      ? `"${quoted}" names ${found.length} services of this device.`
      : `This device had no service "${quoted}" at ${stored.collectedAt ?? 'an unknown time'}.`,
    remedy: 'Call again with the id of one of these; for a service that is newer than the list, with unlisted: true.',
    candidates,
  })
}
