import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { PendingUpdates } from './manager.ts'

export type WantedUpdate = CommandArgs<'updates.install'>['updates'][number]
export type UpdateResult = ResultData<'updates.install'>['results'][number]

/** Within what an installer works. */
export interface Work {
  /** By `performance.now()`. */
  deadline: number
  /** Cancelled: what is under way is brought to its end, and nothing more is begun. */
  signal: AbortSignal
  /** Where a package manager's output is kept while it works. */
  folder: string
}

/** What installs the updates of a system. */
export interface UpdateInstaller {
  readonly manager: PendingUpdates['manager']
  present(): Promise<boolean>
  /** Fetches what there is to get. The manager's own words where it could not. */
  refresh(work: Work): Promise<string | undefined>
  /** One result for each, in the same order, by what the system says afterwards. */
  install(wanted: readonly WantedUpdate[], work: Work): Promise<UpdateResult[]>
}

/** How a package stands before or after. */
export interface Standing {
  /** Null: not installed. */
  installed: string | null
  /** False: a failure left it half done. */
  complete: boolean
  /** The newest to get. */
  candidate: string | null
  /** All that can be got, the installed one among them. */
  versions: readonly string[]
  held: boolean
}

export interface Target {
  name: string
  version: string
}

export interface Attempt {
  /** Per package: why not. */
  reasons: ReadonlyMap<string, string>
  /** Of all those that have none of their own; undefined where all went well. */
  reason: string | undefined
}

/** A package manager that upgrades named packages to named versions. */
export interface PackageBackend extends Pick<UpdateInstaller, 'manager' | 'present' | 'refresh'> {
  /** What can't be a name or a version here never gets onto a command line. */
  isValid(update: WantedUpdate): boolean
  survey(names: readonly string[]): Promise<ReadonlyMap<string, Standing>>
  /** The first version is the second or a later one. */
  isAtLeast(version: string, other: string): Promise<boolean>
  upgrade(targets: readonly Target[], work: Work): Promise<Attempt>
}
