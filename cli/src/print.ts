/** What people read: aligned tables and lines on standard output, everything else on standard error. */

export const say = (line: string): void => void process.stdout.write(`${line}\n`)
export const note = (line: string): void => void process.stderr.write(`${line}\n`)
export const sayJson = (value: unknown): void => say(JSON.stringify(value, null, 2))

const width = (text: string): number => [...text].length

export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headers.map((header) => header.toUpperCase()), ...rows]
  const widths = headers.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `Name: value` lines with the values below each other. */
export function facts(entries: readonly (readonly [string, string])[]): string {
  const longest = Math.max(0, ...entries.map(([name]) => width(name)))
  return entries.map(([name, value]) => `${name}:${' '.repeat(longest - width(name) + 1)}${value}`).join('\n')
}

/** Any answer of any tool: lists of things as tables, the rest as facts. */
export function describe(data: Readonly<Record<string, unknown>>): string {
  const plain: [string, string][] = []
  const parts: string[] = []
  for (const [name, value] of Object.entries(data)) {
    if (isTable(value)) {
      // Of a list that was only counted, none is shown, which is not none.
      if (value.length > 0) parts.push(tableOf(value))
      else if (!isCounted(data['total'])) parts.push(`No ${words(name)}.`)
    } else plain.push([words(name), cell(value)])
  }
  if (plain.length > 0) parts.push(facts(plain))
  return parts.join('\n\n')
}

const isCounted = (total: unknown): boolean => typeof total === 'number' && total > 0

const words = (name: string): string => name.replaceAll('_', ' ')

type Thing = Readonly<Record<string, unknown>>
const isThing = (value: unknown): value is Thing => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTable = (value: unknown): value is Thing[] => Array.isArray(value) && value.every(isThing)

function tableOf(rows: readonly Thing[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return table(
    columns.map(words),
    rows.map((row) => columns.map((column) => clip(cell(row[column])))),
  )
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(', ')
  if (!isThing(value)) return String(value)
  if (typeof value['name'] === 'string') return value['name']
  return Object.entries(value)
    .map(([name, item]) => `${words(name)} ${cell(item)}`)
    .join(', ')
}

/** A line that wraps is no table any more; --json has the whole. */
const LONGEST_CELL = 60
const clip = (text: string): string =>
  width(text) <= LONGEST_CELL ? text : `${[...text].slice(0, LONGEST_CELL - 1).join('')}…`

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
