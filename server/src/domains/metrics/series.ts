/** What is measured, by the names of the columns, and how the roll-ups put several values together. */

/** Of the device as a whole. */
export const DEVICE_SERIES = ['cpu', 'memory', 'swap', 'load', 'received', 'sent'] as const
/** Of each disk. */
export const DISK_SERIES = ['used', 'available'] as const
export type Series = (typeof DEVICE_SERIES)[number] | (typeof DISK_SERIES)[number]

export const rollUpColumns = (series: readonly Series[]): string[] =>
  series.flatMap((name) => [`${name}_avg`, `${name}_min`, `${name}_max`, `${name}_count`])

/** From minute rows. */
export const ofMinutes = (series: readonly Series[]): string =>
  series.map((name) => `avg(m.${name}), min(m.${name}), max(m.${name}), count(m.${name})`).join(', ')

/** From the rows of a finer roll-up: each average weighs as many samples as it stands for. */
export const ofRollUps = (series: readonly Series[]): string =>
  series
    .map((name) => {
      const average = `sum(m.${name}_avg::float8 * m.${name}_count) / nullif(sum(m.${name}_count), 0)`
      return `${average}, min(m.${name}_min), max(m.${name}_max), sum(m.${name}_count)`
    })
    .join(', ')

export const replaced = (columns: readonly string[]): string =>
  columns.map((column) => `${column} = excluded.${column}`).join(', ')
