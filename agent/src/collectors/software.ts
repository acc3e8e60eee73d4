import { MOST_SOFTWARE, type SoftwareItem, softwareKey } from '@breeze/contract/agent-inventory'
import { dpkg } from '../platform/packages/dpkg.ts'
import { flatpak } from '../platform/packages/flatpak.ts'
import { Library } from '../platform/packages/library.ts'
import type { PackageManager } from '../platform/packages/manager.ts'
import { pacman } from '../platform/packages/pacman.ts'
import { rpm } from '../platform/packages/rpm.ts'
import { snap } from '../platform/packages/snap.ts'
import type { Collector } from './section.ts'

/** With room in a frame for the other sections. */
const MAX_BYTES = 2_500_000

export function softwareCollector(
  managers: readonly PackageManager[],
  platform: NodeJS.Platform,
): Collector<'software'> {
  const library = new Library(managers)
  return {
    name: 'software',
    source: managers.map(({ source }) => source).join(', '),
    platforms: [platform],
    timeoutMs: 120_000,
    async collect(tell) {
      const { items, sources, problems } = await library.read()
      const { fitting, left } = fit(distinct(items))
      if (left > 0) problems.push(`${left} packages more are installed than are reported`)
      tell?.({ source: sources.join(', '), ...(problems.length > 0 && { detail: problems.join('; ') }) })
      return fitting
    },
    stable: (data) => data,
  }
}

export const linuxSoftware = softwareCollector([dpkg(), rpm(), pacman(), snap(), flatpak()], 'linux')

/**
 * Sorted, and each under a name of its own: several kernels or runtimes of one name may be installed side by side, and
 * all but the newest then carry their version in the name.
 */
export function distinct(items: readonly SoftwareItem[]): SoftwareItem[] {
  const named = new Map<string, SoftwareItem>()
  const newestFirst = items.toSorted((a, b) => compare(b.installedAt ?? '', a.installedAt ?? ''))
  for (const item of newestFirst) {
    const name = named.has(softwareKey(item)) ? `${item.name} (${item.version})`.slice(0, 300) : item.name
    const renamed = { ...item, name }
    if (!named.has(softwareKey(renamed))) named.set(softwareKey(renamed), renamed)
  }
  return [...named].toSorted(([a], [b]) => compare(a, b)).map(([, item]) => item)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What names a package and its version, and what it was built from. */
function brief({ source, name, version, architecture, sourcePackage, sourceVersion }: SoftwareItem): SoftwareItem {
  return {
    source,
    name,
    version,
    architecture,
    ...(sourcePackage !== undefined && { sourcePackage }),
    ...(sourceVersion !== undefined && { sourceVersion }),
  }
}

/** As much as a frame carries: without the less important facts before without packages. */
function fit(items: readonly SoftwareItem[]): { fitting: SoftwareItem[]; left: number } {
  const counted = items.slice(0, MOST_SOFTWARE)
  const chosen = bytes(counted) <= MAX_BYTES ? counted : counted.map(brief)
  const fitting = [...chosen]
  while (bytes(fitting) > MAX_BYTES) fitting.length = Math.floor(fitting.length * 0.9)
  return { fitting, left: items.length - fitting.length }
}

function bytes(items: readonly SoftwareItem[]): number {
  return Buffer.byteLength(JSON.stringify(items))
}
