import { ENTRIES_PER_MINUTE, type EventEntry, type EventWatch, MAX_EVENT_TEXT } from '@breeze/contract/agent-events'
import { clip } from '../collectors/section.ts'
import { isAtLeast } from '../platform/log-query.ts'
import type { FailedSignIn, TailEntry } from '../platform/log-tail.ts'
import { failedSignIn } from './sign-in-failures.ts'

export const logOf = (watch: EventWatch): string => watch.log ?? (watch.kind ? 'security' : 'system')

interface Match {
  entry: TailEntry
  signIn: FailedSignIn | null
}

/** What is sent of the entries that one look found in a log. Those beyond a minute's worth become one, with their number. */
export function matching(
  watches: readonly EventWatch[],
  entries: readonly TailEntry[],
  read: { log: string; source: string; at: Date },
): EventEntry[] {
  return watches.flatMap((watch) => {
    const matches = entries.flatMap((entry) => match(watch, entry) ?? [])
    const single = matches.slice(0, matches.length > ENTRIES_PER_MINUTE ? ENTRIES_PER_MINUTE - 1 : ENTRIES_PER_MINUTE)
    const rest = matches.slice(single.length)
    const last = rest.at(-1)
    const sent = single.map((one) => eventEntry(watch, one, one.signIn?.count ?? 1, read))
    const count = rest.reduce((sum, one) => sum + (one.signIn?.count ?? 1), 0)
    return last ? [...sent, eventEntry(watch, last, count, read)] : sent
  })
}

/** A log that records no levels has none that could be severe enough. */
function match({ kind, minLevel, program, text }: EventWatch, entry: TailEntry): Match | undefined {
  if (minLevel && !(entry.level && isAtLeast(entry.level, minLevel))) return undefined
  if (program !== undefined && !isProgram(entry.source, program)) return undefined
  if (text !== undefined && !entry.message.toLowerCase().includes(text.toLowerCase())) return undefined
  const signIn = kind ? failedSignIn(entry) : null
  return kind && !signIn ? undefined : { entry, signIn }
}

const isProgram = (source: string, wanted: string): boolean =>
  source.toLowerCase().replace(/\.service$/, '') === wanted.toLowerCase().replace(/\.service$/, '')

function eventEntry(
  watch: EventWatch,
  { entry, signIn }: Match,
  count: number,
  read: { log: string; source: string; at: Date },
): EventEntry {
  return {
    watchId: watch.id,
    log: read.log,
    at: entry.at ?? read.at.toISOString(),
    source: clip(read.source, 200),
    program: entry.source === '' ? null : entry.source,
    level: entry.level,
    text: clip(entry.message, MAX_EVENT_TEXT),
    ...(count > 1 && { count }),
    ...(signIn && {
      user: signIn.user === null ? null : clip(signIn.user, 128),
      address: signIn.address === null ? null : clip(signIn.address, 80),
    }),
  }
}
