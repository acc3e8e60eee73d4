/** An inventory section in one line, for clients that pass only text to their model. */
import { inventorySections, type InventorySections } from '@breeze/contract/agent-inventory'
import { z } from 'zod'

/** As it is stored: packages are rows of their own. */
const storedSoftware = z.object({ count: z.number().int() })

type Data<Name extends keyof InventorySections> = Name extends 'software'
  ? z.infer<typeof storedSoftware>
  : NonNullable<InventorySections[Name]['data']>

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

const DESCRIBE: { [Name in keyof InventorySections]: (data: Data<Name>) => string } = {
  identity: (data) =>
    [
      data.vendor,
      data.model,
      data.virtualization && `virtual (${data.virtualization})`,
      data.serial && `serial ${data.serial}`,
    ]
      .filter(Boolean)
      .join(', ') || 'maker not known',
  os: (data) => `${data.name} ${data.version}, kernel ${data.kernel}, ${data.architecture}, booted ${data.bootedAt}`,
  cpu: (data) => `${data.model}, ${data.cores} cores, ${data.threads} threads`,
  memory: (data) =>
    `${gib(data.availableBytes)} of ${gib(data.totalBytes)} available, swap ${gib(data.swapTotalBytes)}`,
  disks: (data) =>
    data.map((disk) => `${disk.mount} ${disk.usedPercent} % of ${gib(disk.totalBytes)}`).join(', ') || 'none',
  network: (data) =>
    data.map((card) => `${card.name} ${card.up ? 'up' : 'down'} ${card.addresses.join(' ')}`.trim()).join(', ') ||
    'none',
  capabilities: (data) =>
    `can ${names(data.filter((one) => one.supported))}; can't ${names(data.filter((one) => !one.supported))}`,
  software: ({ count }) => `${count} packages`,
  services: (data) => {
    const count = (state: string) => data.filter((service) => service.state === state).length
    return `${data.length} services, ${count('running')} running, ${count('failed')} failed`
  },
  users: ({ users }) => {
    const administrators = users.filter((user) => user.administrator)
    return `${users.length} users, administrators: ${names(administrators)}`
  },
  posture: (data) =>
    Object.entries(data)
      .map(([name, { status }]) => `${name} ${status === 'ok' ? 'known' : status}`)
      .join(', '),
  updates: ({ updates, listsUpdatedAt }) =>
    `${updates.length} pending, ${updates.filter((update) => update.security).length} of them security, as of ${listsUpdatedAt ?? 'an unknown time'}`,
}

const names = (items: readonly { name: string }[]): string => items.map((item) => item.name).join(', ') || 'nothing'

/** Null where the stored data is not what this version of the protocol says. */
export function describeSection<Name extends keyof InventorySections>(name: Name, data: unknown): string | null {
  const schema = name === 'software' ? storedSoftware : inventorySections.shape[name].shape.data
  const parsed = schema.safeParse(data)
  if (!parsed.success || parsed.data === undefined) return null
  // The schema of this very name was just applied; the union over names can't say so.
  return DESCRIBE[name](parsed.data as Data<Name>)
}
