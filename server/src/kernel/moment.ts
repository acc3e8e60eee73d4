/** Times as callers write them: a moment (2026-01-31T22:00:00Z), or a span back from now (90m, 24h, 7d). */
import { z } from 'zod'
import { invalidInput } from './errors.ts'
import { plausibleTime } from './plausible-time.ts'

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

export const momentField = z.string().trim().min(1).max(40)

/** How long a span is, in milliseconds; null for what is none. */
export function spanMs(text: string): number | null {
  const [, number, unit] = /^(\d{1,5})\s?([mhdw])$/i.exec(text) ?? []
  const unitMs = UNIT_MS[unit?.toLowerCase() ?? '']
  return number === undefined || unitMs === undefined ? null : Number(number) * unitMs
}

const moment = z.iso.datetime({ offset: true })

/** Throws `invalid_input` that names the field. A span counts back from now, or ahead where `ahead` says so. */
export function readMoment(field: string, text: string, now: Date, ahead = false): Date {
  const span = spanMs(text)
  const at = span === null ? text : new Date(now.getTime() + (ahead ? span : -span)).toISOString()
  const read = moment.safeParse(at).success ? plausibleTime(at) : null
  if (read) return read
  throw invalidInput(
    `${field}: "${text}" is neither a time nor a span.`,
    `Give a time in UTC, such as 2026-01-31T22:00:00Z, or a span ${ahead ? 'from' : 'back from'} now, such as 24h or 7d.`,
  )
}
