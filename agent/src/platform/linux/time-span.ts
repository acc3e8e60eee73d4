const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hr: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  '': 1,
}

/** A span as systemd.time(7) writes it: `30min`, `1h 5s`, `90`. Undefined for what is none. */
export function parseSeconds(text: string): number | undefined {
  let total = 0
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)]
  if (
    parts.length === 0 ||
    parts
      .map(([part]) => part)
      .join('')
      .replaceAll(' ', '') !== text.replaceAll(' ', '')
  ) {
    return undefined
  }
  for (const [, number, unit = ''] of parts) {
    const seconds = UNITS[unit]
    if (seconds === undefined) return undefined
    total += Number(number) * seconds
  }
  return Math.round(total)
}
