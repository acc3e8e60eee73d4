import type { Posture } from '@breeze/contract/agent-inventory'
import { errorText } from '../../log.ts'
import { within } from '../../patience.ts'
import { clip, type Note, statusOf } from '../section.ts'

export type FindingName = keyof Posture
export type FindingData<N extends FindingName> = NonNullable<Posture[N]['data']>

/** Reads one thing about the device's protection. It throws where it can't, as a collector does. */
export interface FindingReader<N extends FindingName> {
  /** What is read. */
  source: string
  read(tell: (note: Note) => void): Promise<FindingData<N>>
}

export type FindingReaders = { readonly [N in FindingName]: FindingReader<N> }

export async function findingOf<N extends FindingName>(
  reader: FindingReader<N>,
  timeoutMs: number,
): Promise<Posture[N]> {
  let note: Note = {}
  const source = () => clip(note.source ?? reader.source, 200)
  try {
    const data = await within(
      reader.read((more) => (note = { ...note, ...more })),
      timeoutMs,
    )
    const detail = note.detail === undefined ? {} : { detail: clip(note.detail, 500) }
    // The compiler does not see that a generic N's finding is this shape with N's data.
    return { status: 'ok', source: source(), ...detail, data } as Posture[N]
  } catch (error) {
    // Every finding allows this shape: without data it is the same for all.
    return { status: statusOf(error), source: source(), detail: clip(errorText(error), 500) } as Posture[N]
  }
}
