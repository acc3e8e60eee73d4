import type { InventorySections, SectionName, SectionStatus } from '@breeze/contract/agent-inventory'

export type SectionData<N extends SectionName> = NonNullable<InventorySections[N]['data']>

/** What a reading adds to its data: where it was really read, and what of it could not be read. */
export interface Note {
  source?: string
  detail?: string
}

/** Reads one section. It throws where it can't: the caller turns that into a status, never into a made-up value. */
export interface Collector<N extends SectionName> {
  readonly name: N
  /** What is read, for the section's `source`. */
  readonly source: string
  readonly platforms: readonly NodeJS.Platform[]
  /** Where a read may take longer than most. */
  readonly timeoutMs?: number
  /** Read seldom, and in between answered from the last reading. */
  readonly costly?: boolean
  collect(tell?: (note: Note) => void): Promise<SectionData<N>>
  /** The part whose change is worth an upload: without values that move all the time. */
  stable(data: SectionData<N>): unknown
}

export type Collectors = { readonly [N in SectionName]?: Collector<N> }

/** What this agent reads on each of its platforms. */
export type PlatformCollectors = Required<
  Pick<
    Collectors,
    | 'identity'
    | 'os'
    | 'cpu'
    | 'memory'
    | 'disks'
    | 'network'
    | 'services'
    | 'software'
    | 'updates'
    | 'update_history'
    | 'certificates'
  >
>

/** Says that this device has no such thing, as opposed to a failure to read it. */
export class Unsupported extends Error {
  override name = 'Unsupported'
}

export function clip(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).toWellFormed()
}

/** The system did not answer in time. */
export class TimedOut extends Error {
  override name = 'TimedOut'
}

export function statusOf(error: unknown): Exclude<SectionStatus, 'ok'> {
  if (error instanceof Unsupported) return 'unsupported'
  if (error instanceof TimedOut) return 'timeout'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EACCES' || code === 'EPERM' ? 'no_permission' : 'error'
}
