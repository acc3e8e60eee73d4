/** Until when a device's system is supported: what was imported first, then what Breeze ships. */
import { sql } from 'kysely'
import { type Db, query } from '../../kernel/db.ts'
import type { ImportFolder } from '../imports/import-folder.ts'
import { importLifecycle, type ImportedReleases, readReleases } from './endoflife.ts'
import { type OsFacts, releaseOf } from './match.ts'
import { type Release, SHIPPED, SHIPPED_AS_OF } from './shipped.ts'
import './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    lifecycle: Lifecycle
  }
}

export interface LifecycleAnswer {
  /** `unknown`: not a release that is known here, or one whose publisher gives no date. */
  state: 'supported' | 'ended' | 'unknown'
  /** Null where the system does not name a release that is known here. */
  release: string | null
  /** `YYYY-MM-DD`, the last day. */
  supportedUntil: string | null
  extendedUntil: string | null
  /** Where the date is from, and how old that is: dates move and should be checked. */
  source: string
  asOf: string
}

interface Known extends Release {
  source: string
  asOf: string
}

/** All of endoflife.date's products together have about two. */
const MOST_BYTES = 8_000_000
const SHIPPED_SOURCE = 'shipped with Breeze'
const key = (product: string, cycle: string): string => `${product} ${cycle}`
const shipped = new Map(
  SHIPPED.map((release) => [
    key(release.product, release.cycle),
    { ...release, source: SHIPPED_SOURCE, asOf: SHIPPED_AS_OF },
  ]),
)

export class Lifecycle {
  readonly #db: Db
  readonly #folder: ImportFolder
  readonly #now: () => Date
  #releases: ReadonlyMap<string, Known> = shipped

  constructor({ db, folder, now }: { db: Db; folder: ImportFolder; now(): Date }) {
    this.#db = db
    this.#folder = folder
    this.#now = now
  }

  /** Takes in what was imported, also by another node. */
  async refresh(): Promise<void> {
    const rows = await this.#db.worker((tx) =>
      tx.all(
        query
          .selectFrom('lifecycle_releases')
          .select(['product', 'cycle', 'label', 'ended', 'imported_at', 'file'])
          .select([
            sql<string | null>`supported_until::text`.as('until'),
            sql<string | null>`extended_until::text`.as('extended'),
          ]),
      ),
    )
    this.#releases = new Map<string, Known>([
      ...shipped,
      ...rows.map(({ product, cycle, label, ended, until, extended, imported_at, file }) => {
        const asOf = imported_at.toISOString().slice(0, 10)
        const release = { product, cycle, label, ended, supportedUntil: until, extendedUntil: extended }
        return [key(product, cycle), { ...release, source: `imported from ${file}`, asOf }] as const
      }),
    ])
  }

  /** Of the newest import, where there is one; otherwise of what is shipped. */
  get asOf(): string {
    return [...this.#releases.values()].reduce((latest, { asOf }) => (asOf > latest ? asOf : latest), SHIPPED_AS_OF)
  }

  /** Null: the device has not told its system. */
  of(os: OsFacts | null): LifecycleAnswer {
    const name = os && releaseOf(os)
    const known = name ? this.#releases.get(key(name.product, name.cycle)) : undefined
    if (!known) {
      const about = { source: SHIPPED_SOURCE, asOf: this.asOf }
      return { state: 'unknown', release: null, supportedUntil: null, extendedUntil: null, ...about }
    }
    const { label, supportedUntil, extendedUntil, source, asOf } = known
    return { state: stateOf(known, this.#now()), release: label, supportedUntil, extendedUntil, source, asOf }
  }

  /** Replaces what was imported of the products in the file. */
  async import(name: string): Promise<ImportedReleases> {
    const file = await this.#folder.open(name, MOST_BYTES)
    let text: string
    try {
      text = await file.handle.readFile('utf8')
    } finally {
      await file.handle.close()
    }
    const content = readReleases(name, text)
    await this.#db.worker((tx) => importLifecycle(tx, { file: name, at: this.#now(), content }))
    await this.refresh()
    return content
  }
}

function stateOf({ supportedUntil, ended }: Release, now: Date): LifecycleAnswer['state'] {
  if (supportedUntil !== null) return supportedUntil < now.toISOString().slice(0, 10) ? 'ended' : 'supported'
  return ended === null ? 'unknown' : ended ? 'ended' : 'supported'
}
