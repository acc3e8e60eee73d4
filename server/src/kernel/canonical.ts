/** One text for equal values (keys sorted, no spaces), so that a digest binds the meaning and not the order of keys. */
import { createHash } from 'node:crypto'

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    // A date or a set has no entries: any two would be equal, and a digest would bind nothing.
    if (!isPlain(value)) throw new TypeError(`${value.constructor.name} has no canonical form`)
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
  }
  return JSON.stringify(value ?? null)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

export function digest(value: unknown): Buffer {
  return createHash('sha256').update(canonicalJson(value)).digest()
}
