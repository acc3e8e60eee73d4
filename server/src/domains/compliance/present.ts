/** A check's result in an answer: our words, and apart from them those of the device. */
import { z } from 'zod'
import { deviceText, fenced } from '../../kernel/content/device-text.ts'
import { checkById } from './checks/all.ts'
import type { CheckResult } from './listing.ts'
import { STATUSES } from './tables.ts'

export const resultShape = {
  check: z.string(),
  title: z.string(),
  status: z.string(),
  reason: z.string().nullable().describe('Why it is unknown.'),
  seen: z.string(),
  items: z.array(deviceText(300)),
  source: deviceText(200).nullable(),
  collected_at: z.string().nullable(),
  since: z.string().nullable(),
  waived_until: z.string().nullable(),
}

const titleOf = (check: string): string => checkById(check)?.title ?? check

export const presentResult = (result: CheckResult) => ({
  check: result.check,
  title: titleOf(result.check),
  status: result.status,
  reason: result.reason,
  seen: result.seen,
  items: result.items,
  source: result.source,
  collected_at: result.collectedAt?.toISOString() ?? null,
  since: result.since?.toISOString() ?? null,
  waived_until: result.waivedUntil?.toISOString() ?? null,
})

const NAMED = 5

export function resultText({ check, status, seen, items, reason, waivedUntil }: CheckResult): string {
  const named = items.slice(0, NAMED).join(', ')
  const more = items.length > NAMED ? `, and ${items.length - NAMED} more` : ''
  const because = reason === null ? '' : ` (${reason.replaceAll('_', ' ')})`
  const until = waivedUntil === null ? '' : ` until ${waivedUntil.toISOString().slice(0, 10)}`
  return `${check}: ${status}${because}${until}. ${seen}${named === '' ? '' : ` ${named}${more}.`}`
}

/** In the short form of a device only what is not in order. */
export const shownResults = (results: readonly CheckResult[], whole: boolean): readonly CheckResult[] =>
  whole ? results : results.filter(({ status }) => status === 'fail' || status === 'waived')

const LONGEST = 8000

/** Counts of all, and each that is shown. */
export function resultsText(device: string, results: readonly CheckResult[], whole: boolean): string[] {
  const counts = STATUSES.map(
    (status) => [status, results.filter((result) => result.status === status).length] as const,
  )
  const said = counts.filter(([, n]) => n > 0).map(([status, n]) => `${n} ${status.replaceAll('_', ' ')}`)
  const shown = shownResults(results, whole)
  return [
    `Compliance checks: ${said.join(', ')}.`,
    ...(shown.length > 0 ? [fenced(`check results of ${device}`, shown.map(resultText).join('\n'), LONGEST)] : []),
  ]
}
