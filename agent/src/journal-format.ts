import { commandOutcome, signedCommand } from '@breeze/contract/agent-commands'
import * as z from 'zod'
import type { Span } from './append-file.ts'

const id = z.string()
/** Milliseconds since 1970, by the server's clock. Later lines repeat it once compaction has dropped `accepted`. */
const expiresAt = z.number()

export const journalLine = z.discriminatedUnion('t', [
  z.object({ t: z.literal('accepted'), id, expiresAt, command: signedCommand }),
  z.object({ t: z.literal('started'), id, expiresAt: expiresAt.optional(), startedAt: z.string() }),
  z.object({ t: z.literal('finished'), id, expiresAt: expiresAt.optional(), outcome: commandOutcome }),
  z.object({ t: z.literal('acknowledged'), id, expiresAt: expiresAt.optional(), outcome: commandOutcome }),
  /** A cancel of a command that has not arrived; it is remembered until then. */
  z.object({ t: z.literal('cancelled'), id, until: z.number() }),
  z.object({ t: z.literal('forgotten'), until: z.number() }),
])
export type JournalLine = z.infer<typeof journalLine>

export interface PlacedLine {
  line: JournalLine
  span: Span
}

/**
 * The lines of a journal with their places. The last line may be torn (power lost within a write): it was never
 * promised to anyone and is left out. Damage anywhere else is an error: to skip it could mean to run a command twice.
 */
export function parseJournal(content: Buffer): PlacedLine[] {
  const lines: PlacedLine[] = []
  let offset = 0
  for (let end = content.indexOf(10); end !== -1; end = content.indexOf(10, offset)) {
    const line = parseLine(content.toString('utf8', offset, end))
    if (!line) {
      // Pages reach the disk in any order, so a torn line can still have its line feed.
      if (content.indexOf(10, end + 1) === -1) break
      throw new Error(`The journal is damaged at byte ${offset}`)
    }
    lines.push({ line, span: { offset, length: end + 1 - offset } })
    offset = end + 1
  }
  return lines
}

function parseLine(text: string): JournalLine | undefined {
  try {
    return journalLine.parse(JSON.parse(text))
  } catch {
    // The caller knows whether a line may be unreadable here.
    return undefined
  }
}
