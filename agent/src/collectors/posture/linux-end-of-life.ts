import { parseShellAssignments, readTextIfPresent } from '../../platform/linux.ts'
import { clip, Unsupported } from '../section.ts'
import type { FindingReader } from './finding.ts'

/** What the system says of itself, or what its distribution ships of all its releases: never a table of ours. */
export const linuxEndOfLife = (root = ''): FindingReader<'endOfLife'> => ({
  source: '/etc/os-release, /usr/share/distro-info',
  async read(tell) {
    const text =
      (await readTextIfPresent(`${root}/etc/os-release`)) ?? (await readTextIfPresent(`${root}/usr/lib/os-release`))
    if (text === undefined) throw new Unsupported('This system has no os-release file')
    const values = parseShellAssignments(text)
    const product = clip(values.get('PRETTY_NAME') ?? values.get('NAME') ?? 'Linux', 200)
    const end = values.get('SUPPORT_END')
    if (isDate(end)) {
      tell({ source: '/etc/os-release: SUPPORT_END' })
      return { supportedUntil: end, product }
    }
    const id = values.get('ID') ?? ''
    const path = `/usr/share/distro-info/${id}.csv`
    // The file's name is made of it.
    const table = /^[a-z0-9._-]+$/.test(id) ? await readTextIfPresent(root + path) : undefined
    const codename = values.get('VERSION_CODENAME')
    const row = table === undefined || codename === undefined ? undefined : parseRelease(table, codename)
    if (!row) throw new Unsupported('the system does not tell until when it is supported')
    tell({ source: path, ...(row.longer !== undefined && { detail: row.longer }) })
    return { supportedUntil: row.end ?? null, product }
  },
})

interface Release {
  end: string | undefined
  /** Support beyond the regular one, which not everybody gets. */
  longer: string | undefined
}

/** distro-info-data: a header names the columns, and not every row has all of them. */
export function parseRelease(table: string, codename: string): Release | undefined {
  const [header = '', ...rows] = table.split('\n').map((line) => line.trim())
  const columns = header.split(',')
  const column = (row: readonly string[], name: string) => row[columns.indexOf(name)]
  const row = rows.map((line) => line.split(',')).find((fields) => column(fields, 'series') === codename)
  if (!row) return undefined
  const end = column(row, 'eol')
  const later = ['eol-server', 'eol-lts', 'eol-esm', 'eol-elts']
    .map((name) => [name.slice(4), column(row, name)] as const)
    .filter(([, date]) => isDate(date) && isDate(end) && date > end)
    .map(([name, date]) => `${name} support until ${date}`)
  return { end: isDate(end) ? end : undefined, longer: later.length > 0 ? later.join(', ') : undefined }
}

function isDate(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text)
}
