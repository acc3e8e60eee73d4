/** An inventory section in one line, for clients that pass only text to their model. */
import { inventorySections, type InventorySections } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { describePosture } from './describe-posture.ts'

/** As it is stored: packages are rows of their own. */
const storedSoftware = z.object({ count: z.number().int() })

type Data<Name extends keyof InventorySections> = Name extends 'software'
  ? z.infer<typeof storedSoftware>
  : NonNullable<InventorySections[Name]['data']>

export const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

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
  memory: (data) => `${gibibytes(data.totalBytes)}, swap ${gibibytes(data.swapTotalBytes)}`,
  disks: (data) =>
    data.map((disk) => `${disk.mount} ${disk.usedPercent} % of ${gibibytes(disk.totalBytes)}`).join(', ') || 'none',
  network: (data) =>
    data.map((card) => `${card.name} ${card.up ? 'up' : 'down'} ${card.addresses.join(' ')}`.trim()).join(', ') ||
    'none',
  capabilities: (data) =>
    `can ${names(data.filter((one) => one.supported))}; can't ${names(data.filter((one) => !one.supported))}`,
  software: ({ count }) => `${count} packages`,
  services: (data) => {
    const failed = data.filter(({ state }) => state === 'failed')
    const running = data.filter(({ state }) => state === 'running').length
    return `${data.length} services, ${running} running, ${failed.length} failed${failed.length > 0 ? `: ${names(failed)}` : ''}`
  },
  users: ({ users, sessions }) => {
    const administrators = users.filter((user) => user.administrator)
    const signedIn = [...new Set(sessions.map(({ user }) => user))].slice(0, NAMED).join(', ') || 'nobody'
    return `${users.length} users, administrators: ${names(administrators)}; signed in: ${signedIn}`
  },
  posture: describePosture,
  updates: ({ updates, listsUpdatedAt }) =>
    `${updates.length} pending, ${updates.filter((update) => update.security).length} of them security, as of ${listsUpdatedAt ?? 'an unknown time'}`,
  update_history: (data) => {
    const [last] = data
    const failed = data.filter(({ outcome }) => outcome === 'failed').length
    return last ? `${data.length} updates recorded, ${failed} failed, the last at ${last.at}` : 'no updates recorded'
  },
  certificates: (data) => {
    const [first] = data.toSorted((a, b) => Date.parse(a.notAfter) - Date.parse(b.notAfter))
    const next = first ? `; the first to expire on ${first.notAfter.slice(0, 10)}: ${first.subject}` : ''
    return `${data.length} certificates${next}`
  },
}

const NAMED = 20

function names(items: readonly { name: string }[]): string {
  const named = items.slice(0, NAMED).map((item) => item.name)
  const more = items.length > NAMED ? [`and ${items.length - NAMED} more`] : []
  return [...named, ...more].join(', ') || 'nothing'
}

/** Null where the stored data is not what this version of the protocol says. */
export function describeSection<Name extends keyof InventorySections>(name: Name, data: unknown): string | null {
  const schema = name === 'software' ? storedSoftware : inventorySections.shape[name].shape.data
  const parsed = schema.safeParse(data)
  if (!parsed.success || parsed.data === undefined) return null
  // The schema of this very name was just applied; the union over names can't say so.
  return DESCRIBE[name](parsed.data as Data<Name>)
}
