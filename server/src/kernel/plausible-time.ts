const EARLIEST = Date.UTC(2000)
const LATEST = Date.UTC(2200)

/** A machine's own word for a time, unless its clock is absurd (which the database might not even accept). */
export function plausibleTime(text: string | undefined): Date | null {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return at >= EARLIEST && at < LATEST ? new Date(at) : null
}
