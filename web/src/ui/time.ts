/** Times as people say them; whoever needs the exact one has it in UTC at the hover. */

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const MINUTE = 60_000

/** "now", "3 min ago", "08:04", "yesterday", "19 Nov", "19 Nov 2024". */
export function spoken(at: Date, now = new Date()): string {
  const ago = now.getTime() - at.getTime()
  if (ago >= 0 && ago < MINUTE) return 'now'
  if (ago > 0 && ago < 60 * MINUTE) return `${Math.floor(ago / MINUTE)} min ago`
  const days = daysBetween(at, now)
  if (days === 0) return clock.format(at)
  if (days === 1) return 'yesterday'
  return (at.getFullYear() === now.getFullYear() ? day : dayOfYear).format(at)
}

const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
const daysBetween = (at: Date, now: Date): number => Math.round((midnight(now) - midnight(at)) / 86_400_000)

/** "41 d", "3 h 12 min", "5 min". */
export function lasting(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  if (days > 0) return `${days} d`
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`
}

export const number = (value: number): string => value.toLocaleString('en-US')
