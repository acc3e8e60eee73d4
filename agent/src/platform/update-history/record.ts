import type { UpdateHistory } from '@breeze/contract/agent-inventory'
import { clip } from '../../collectors/section.ts'

export type UpdateRecord = UpdateHistory[number]

/** What keeps a record of updates on a system. */
export interface HistoryKeeper {
  /** Programs or files, for the section's source. */
  readonly source: string
  /** Differs after every new entry; undefined where the system has no such record. */
  fingerprint(): Promise<string | undefined>
  read(): Promise<UpdateHistory>
}

export const MOST_RECORDS = 200

/** Within the contract's bounds, the newest first. */
export function newest(records: readonly UpdateRecord[]): UpdateHistory {
  return records
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
    .slice(0, MOST_RECORDS)
    .map(({ name, version, article, at, outcome, reason }) => ({
      name: clip(name, 300),
      version: version === null ? null : clip(version, 200),
      ...(article !== undefined && { article: clip(article, 40) }),
      at,
      outcome,
      ...(reason !== undefined && { reason: clip(reason, 500) }),
    }))
}
