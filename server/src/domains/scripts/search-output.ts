/**
 * Searching in what devices wrote. A match counts only in the text as it would be shown, with secrets masked: otherwise the
 * search itself would tell a secret, letter by letter.
 */
import { deviceWords } from '../../kernel/content/device-text.ts'
import type { Tx } from '../../kernel/db.ts'
import type { CommandResult, ResultsPage } from '../commands/reads.ts'

/** Of each output, so much is searched. */
export const SEARCHED_CHARACTERS = 60_000
const STEP = 50
/** What one call looks through; the cursor goes on from there. */
const MOST_LOOKED_AT = 200
const LINES_BEFORE = 2

type Read = (tx: Tx, page: ResultsPage) => Promise<CommandResult[]>

export interface Matches {
  results: CommandResult[]
  /** The last one that was looked at, where there may be others; null at the end. */
  next: string | null
}

/** Those whose output holds the text, whatever its case; of each output the lines around the first place, `share` characters. */
export async function searchOutput(
  tx: Tx,
  read: Read,
  page: Pick<ResultsPage, 'after' | 'deviceId' | 'state'>,
  { text, limit, share }: { text: string; limit: number; share: number },
): Promise<Matches> {
  const results: CommandResult[] = []
  let after = page.after
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += STEP) {
    const some = await read(tx, {
      ...page,
      ...(after !== undefined && { after }),
      limit: STEP,
      outputCharacters: SEARCHED_CHARACTERS,
      contains: text,
    })
    for (const result of some) {
      after = result.id
      const found = around(result.output ?? '', text, share)
      if (found !== undefined) results.push({ ...result, output: found, truncated: true })
      if (results.length === limit) return { results, next: result.id }
    }
    if (some.length < STEP) return { results, next: null }
    // Masking is work: others get their turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { results, next: after ?? null }
}

export function around(output: string, text: string, share: number): string | undefined {
  const shown = deviceWords(output, SEARCHED_CHARACTERS)
  const at = shown.toLowerCase().indexOf(text.toLowerCase())
  if (at === -1) return undefined
  const before = shown
    .slice(0, at)
    .split('\n')
    .slice(-LINES_BEFORE - 1)
    .join('\n')
  // A line without an end would push the match out of what is shown.
  const begin = before.length > share / 2 ? at : at - before.length
  return shown.slice(begin, begin + Math.max(share, text.length))
}
