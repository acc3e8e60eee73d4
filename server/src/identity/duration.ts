/** Durations as people write them: 15m, 1h, 30d. The one place that reads them. */
import { z } from 'zod'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

export const DURATION_HELP = 'A number and a unit: 90s, 15m, 1h, 30d or 2w.'

/** Milliseconds, or null for what is no duration. */
export function parseDuration(text: string): number | null {
  if (text.trim() === '0') return 0
  const [, number, unit] = /^(\d{1,6})([smhdw])$/.exec(text.trim().toLowerCase()) ?? []
  const seconds = UNITS[unit ?? '']
  return number === undefined || seconds === undefined ? null : Number(number) * seconds * 1000
}

/** An input that becomes milliseconds. `least` and `most` are durations too. */
export function durationField(least: string, most: string) {
  const [shortest, longest] = [parseDuration(least) ?? 0, parseDuration(most) ?? Infinity]
  return z
    .string()
    .max(20)
    .transform((text, context) => {
      const milliseconds = parseDuration(text)
      if (milliseconds === null) context.addIssue(`"${text}" is not a duration. ${DURATION_HELP}`)
      else if (milliseconds < shortest || milliseconds > longest) context.addIssue(`must be from ${least} to ${most}`)
      else return milliseconds
      return z.NEVER
    })
}
