/** What differs between two lists of packages, gathered from rows of statements. */
import { type SoftwareItem, softwareKey } from '@breeze/contract/agent-inventory'
import type { SoftwareDifference } from './section-changes.ts'

export interface DifferenceRow {
  device_id: string
  source: SoftwareItem['source']
  name: string
  architecture: string
  /** Null: it was not there. */
  from: string | null
  /** Null: it is not there any more. */
  to: string | null
}

/** By device. What is removed by one statement and added by the next was updated, or is as it was. */
export class SoftwareDifferences {
  readonly #rows = new Map<string, Map<string, DifferenceRow>>()

  add(rows: readonly DifferenceRow[]): void {
    for (const row of rows) {
      const of = this.#rows.get(row.device_id) ?? new Map<string, DifferenceRow>()
      this.#rows.set(row.device_id, of)
      const key = softwareKey(row)
      const earlier = of.get(key)
      of.set(key, earlier ? { ...row, from: earlier.from } : row)
    }
  }

  of(deviceId: string): SoftwareDifference {
    const difference = { added: [], removed: [], updated: [] } as {
      -readonly [K in keyof SoftwareDifference]: SoftwareDifference[K][number][]
    }
    for (const { source, name, architecture, from, to } of this.#rows.get(deviceId)?.values() ?? []) {
      const item = { source, name, architecture }
      if (from === null && to !== null) difference.added.push({ ...item, version: to })
      if (from !== null && to === null) difference.removed.push({ ...item, version: from })
      if (from !== null && to !== null && from !== to) difference.updated.push({ ...item, from, to })
    }
    return difference
  }
}
