/** Finding things by words that somebody typed: whole names before beginnings, those before parts, those before single words. */
import { type RawBuilder, sql } from 'kysely'
import { contains, escapeLike } from './conditions.ts'

export interface Wanted {
  /** As typed, in lower case. */
  phrase: string
  words: string[]
}

const MOST_WORDS = 6
/** A word's share; `PHRASE` and its multiples stand above any number of words. */
const WORD = 10
const PHRASE = 1000

export function readWanted(text: string): Wanted {
  const phrase = text.trim().toLowerCase()
  const words = phrase.split(/[\s,;"'()]+/).filter((word) => word.length > 1)
  return { phrase, words: [...new Set(words)].slice(0, MOST_WORDS) }
}

/** How well a row matches: by its name, and by what else is known of it. 0: not at all. */
export function matchRank(name: RawBuilder<unknown>, about: RawBuilder<unknown>, { phrase, words }: Wanted) {
  const byName = sql`case when lower(${name}) = ${phrase} then ${sql.lit(3 * PHRASE)}
    when lower(${name}) like ${`${escapeLike(phrase)}%`} then ${sql.lit(2 * PHRASE)}
    when lower(${name}) like ${contains(phrase)} then ${sql.lit(PHRASE)} else 0 end`
  const byWords = words.map((word) => sql`(lower(${about}) like ${contains(word)})::integer * ${sql.lit(WORD)}`)
  return sql<number>`(${sql.join([byName, ...byWords], sql` + `)})`
}

/** Those that match the phrase, and beside them those that match as many of the words as any does. */
export function bestOf<Hit extends { rank: number }>(hits: readonly Hit[]): Hit[] {
  const most = Math.max(0, ...hits.map(({ rank }) => rank % PHRASE))
  return hits.filter(({ rank }) => rank >= PHRASE || (most > 0 && rank === most)).toSorted((a, b) => b.rank - a.rank)
}
