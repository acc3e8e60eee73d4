import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIPv6, type LookupFunction } from 'node:net'

/** Names with the addresses they had, for a device that can't ask any more: name servers are out of its reach too. */
export class PinnedNames {
  #names: ReadonlyMap<string, readonly string[]> = new Map()

  pin(names: Readonly<Record<string, readonly string[]>>): void {
    this.#names = new Map(Object.entries(names))
  }

  unpin(): void {
    this.#names = new Map()
  }

  /** As `dns.lookup`, which it asks for all other names. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const pinned = this.#names.get(hostname)
    if (!pinned || pinned.length === 0) return systemLookup(hostname, options, callback)
    const found = pinned.map((address): LookupAddress => ({ address, family: isIPv6(address) ? 6 : 4 }))
    const wanted = found.filter(({ family }) => ![4, 6].includes(Number(options.family)) || family === options.family)
    const [first] = wanted
    if (!first)
      return process.nextTick(callback, Object.assign(new Error('no such address'), { code: 'ENOTFOUND' }), '')
    if (options.all === true) return process.nextTick(callback, null, wanted)
    process.nextTick(callback, null, first.address, first.family)
  }
}
