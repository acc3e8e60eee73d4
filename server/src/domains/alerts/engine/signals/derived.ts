/** What the server works out from what it stored, rather than from one report of a device. */
import type { Tx } from '../../../../kernel/db.ts'
import type { FreeSpace } from '../../../metrics/free-space.ts'
import { vulnerabilitiesOf, type WatchedVulnerabilities } from '../../../vulnerabilities/watched.ts'
import type { RuleOf } from '../../rule-rows.ts'
import { fillingDisks, readFreeSpace } from './disk-forecast.ts'
import type { Findings } from './facts.ts'
import { failedCheck, type LastChecks, readLastChecks } from './script-check.ts'
import { knownVulnerabilities } from './vulnerabilities.ts'

/** By signal, what is known of one device. */
interface Known {
  disk_forecast: FreeSpace[]
  vulnerability: WatchedVulnerabilities
  script_check: LastChecks
}
export type DerivedSignal = keyof Known

interface DerivedSource<S extends DerivedSignal> {
  read(tx: Tx, deviceIds: readonly string[], now: number): Promise<ReadonlyMap<string, Known[S]>>
  /** Null: nothing can be said now. Undefined: nothing is known of the device. */
  find(rule: RuleOf<S>, known: Known[S] | undefined, at: number): Findings | null
}

export const DERIVED_SOURCES: { [S in DerivedSignal]: DerivedSource<S> } = {
  disk_forecast: { read: readFreeSpace, find: fillingDisks },
  vulnerability: { read: vulnerabilitiesOf, find: knownVulnerabilities },
  script_check: { read: readLastChecks, find: failedCheck },
}
export const DERIVED_SIGNALS = Object.keys(DERIVED_SOURCES) as DerivedSignal[]
export const isDerivedSignal = (signal: string): signal is DerivedSignal => Object.hasOwn(DERIVED_SOURCES, signal)
