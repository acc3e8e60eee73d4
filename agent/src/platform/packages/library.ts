import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { Unsupported } from '../../collectors/section.ts'
import { errorText } from '../../log.ts'
import type { PackageManager } from './manager.ts'

/** A database that looks unchanged is read again after this long all the same. */
const READ_AGAIN_MS = 6 * 3_600_000

interface Known {
  fingerprint: string
  readAtMs: number
  items: SoftwareItem[]
}

/** Remembers what each manager said, so that an unchanged database costs no more than a look at its date. */
export class Library {
  readonly #managers: readonly PackageManager[]
  readonly #known = new Map<PackageManager, Known>()

  constructor(managers: readonly PackageManager[]) {
    this.#managers = managers
  }

  /** One manager that fails takes nothing away from the others, and its own packages are still those last seen. */
  async read(): Promise<{ items: SoftwareItem[]; sources: string[]; problems: string[] }> {
    const items: SoftwareItem[] = []
    const sources: string[] = []
    const failures: { manager: PackageManager; error: unknown }[] = []
    for (const manager of this.#managers) {
      try {
        const found = await this.#readOne(manager)
        if (!found) continue
        items.push(...found)
        sources.push(manager.source)
      } catch (error) {
        failures.push({ manager, error })
        items.push(...(this.#known.get(manager)?.items ?? []))
      }
    }
    if (sources.length === 0) throw failures[0]?.error ?? new Unsupported('This system has no known package manager')
    return { items, sources, problems: failures.map(({ manager, error }) => this.#problem(manager, error)) }
  }

  async #readOne(manager: PackageManager): Promise<SoftwareItem[] | undefined> {
    const fingerprint = await manager.fingerprint()
    if (fingerprint === undefined) {
      this.#known.delete(manager)
      return undefined
    }
    const known = this.#known.get(manager)
    const fresh = known && performance.now() - known.readAtMs < READ_AGAIN_MS
    if (fresh && known.fingerprint === fingerprint) return known.items
    const items = await manager.read()
    this.#known.set(manager, { fingerprint, readAtMs: performance.now(), items })
    return items
  }

  #problem(manager: PackageManager, error: unknown): string {
    const shown = this.#known.has(manager) ? 'its packages are as last read' : 'its packages are missing here'
    return `${manager.source} could not be read, ${shown}: ${errorText(error)}`
  }
}
