const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** As people read sizes. */
export function inBytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)))
  return `${(value / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}

/** The beginning of a device's own name for something, in a line of a fence. */
export const oneLine = (name: string): string => name.slice(0, 100).replaceAll(/\s+/g, ' ')
