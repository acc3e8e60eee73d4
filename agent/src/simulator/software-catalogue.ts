import { type SoftwareDelta, type SoftwareItem } from '@breeze/contract/agent-inventory'
import type { Chance } from './seeded.ts'
import type { System } from './systems.ts'

type Family = System['family']

interface Product {
  name: string
  publisher?: string
  major: number
}

const SIZE = 1400
const SOURCES = { linux: 'dpkg', windows: 'registry', macos: 'applications' } as const
const ARCHITECTURES = { linux: 'amd64', windows: 'x64', macos: 'arm64' } as const
const LINUX_WORDS = ['ssl', 'xml', 'png', 'curl', 'pam', 'kmod', 'glib', 'udev', 'dbus', 'perl', 'python3', 'systemd']
const LINUX_KINDS = ['lib%', 'lib%-dev', '%-utils', '%-common', '%-tools', 'golang-%', 'node-%']
const VENDORS = ['Microsoft', 'Adobe', 'Dell', 'Intel', 'Contoso', 'Northwind', 'Lenovo', 'Oracle', 'Sophos', 'Zoom']
const PROGRAMS = ['Office', 'Reader', 'Update', 'Runtime', 'Driver', 'Client', 'Agent', 'Viewer', 'Toolkit', 'Console']

const made = new Map<Family, readonly Product[]>()

/** What there is to install. One for all devices of a family, so that ten thousand of them hold no list of their own. */
function catalogueOf(family: Family): readonly Product[] {
  const known = made.get(family)
  if (known) return known
  const products = Array.from({ length: SIZE }, (_, index) => product(family, index))
  made.set(family, products)
  return products
}

const pick = (from: readonly string[], turn: number): string => from[turn % from.length] ?? ''

function product(family: Family, index: number): Product {
  const major = 1 + (index % 23)
  if (family === 'linux') {
    const stem = `${pick(LINUX_WORDS, index)}${Math.floor(index / LINUX_WORDS.length)}`
    return { name: pick(LINUX_KINDS, index).replace('%', stem), major }
  }
  const publisher = pick(VENDORS, index)
  const program = pick(PROGRAMS, Math.floor(index / VENDORS.length))
  const edition = Math.floor(index / (VENDORS.length * PROGRAMS.length))
  return { name: `${publisher} ${program} ${edition + 1}`, publisher, major }
}

/** A device's own number for a product: which ones it has follows from its seed alone. */
function mixed(seed: number, index: number): number {
  let value = Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** How often a product was changed since the device was made: each fourth change removes it, the next brings it back. */
type Changes = ReadonlyMap<number, number>
const NONE: Changes = new Map()

/** The software of one device: a seed and what has changed since. */
export class Software {
  readonly #family: Family
  readonly #seed: number
  readonly #packages: number
  #changes: Changes = NONE
  /** What the server was last told, so that the next report can be a difference. */
  #told: { hash: string; changes: Changes } | undefined

  constructor(family: Family, seed: number, packages: number) {
    this.#family = family
    this.#seed = seed
    this.#packages = Math.min(packages, SIZE)
  }

  /** Enough to tell two contents apart: everything follows from it. */
  get version(): string {
    return `${this.#seed} ${this.#packages} ${[...this.#changes].join(' ')}`
  }

  items(): SoftwareItem[] {
    const found = catalogueOf(this.#family).map((_, index) => this.#item(index, this.#changes))
    return found.filter((item) => item !== undefined)
  }

  /** Updates, removes or brings back one to four products. */
  change(chance: Chance): void {
    const changes = new Map(this.#changes)
    for (let count = chance.between(1, 4); count > 0; count--) {
      let index = chance.between(0, SIZE - 1)
      for (let tries = 0; tries < SIZE && !this.#has(index); tries++) index = (index + 1) % SIZE
      changes.set(index, (changes.get(index) ?? 0) + 1)
    }
    this.#changes = changes
  }

  /** A report of this content goes out. */
  tell(hash: string): void {
    this.#told = { hash, changes: this.#changes }
  }

  /** The way from what was last told to what is now; undefined where nothing was told yet. */
  delta(hash: string): Pick<SoftwareDelta, 'base' | 'hash' | 'upserts' | 'removed'> | undefined {
    const told = this.#told
    if (!told) return undefined
    const moved = [...this.#changes].filter(([index, count]) => count !== (told.changes.get(index) ?? 0))
    const upserts = moved.flatMap(([index]) => this.#item(index, this.#changes) ?? [])
    const gone = moved.filter(([index]) => !this.#item(index, this.#changes))
    const removed = gone.flatMap(([index]) => this.#item(index, told.changes) ?? [])
    return { base: told.hash, hash, upserts, removed: removed.map(keyOf) }
  }

  #has(index: number): boolean {
    return mixed(this.#seed, index) % SIZE < this.#packages
  }

  #item(index: number, changes: Changes): SoftwareItem | undefined {
    const found = catalogueOf(this.#family)[index]
    const count = changes.get(index) ?? 0
    if (!found || !this.#has(index) || count % 4 === 3) return undefined
    const { name, publisher, major } = found
    return {
      source: SOURCES[this.#family],
      name,
      version: `${major}.${mixed(this.#seed, index + SIZE) % 10}.${count}`,
      architecture: ARCHITECTURES[this.#family],
      ...(publisher !== undefined && { publisher }),
    }
  }
}

const keyOf = ({ source, name, architecture }: SoftwareItem) => ({ source, name, architecture })
