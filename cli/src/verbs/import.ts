import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { readCsv } from '../csv.ts'
import { Failure, usage } from '../failure.ts'
import { note, plural, say, sayJson } from '../print.ts'
import { publishedVerbs } from './import-published.ts'
import { actingVerb, runVerb, type CommonOptions } from './verb.ts'

type WarrantyOptions = CommonOptions & { org?: string; source: string }

/** Column → the names that makers and inventories give it. */
const COLUMNS = {
  serial: ['serial', 'serial number', 'serial_number', 'serialnumber', 'service tag'],
  device: ['device', 'name', 'hostname', 'device name'],
  ends_on: ['ends_on', 'warranty_end', 'warranty end', 'warranty end date', 'end date', 'expires', 'expiration date'],
  source: ['source', 'vendor', 'maker'],
} as const
/** As many as one call takes. */
const AT_ONCE = 500

interface Row {
  line: number
  serial?: string
  device?: string
  ends_on: string
  source?: string
}

export function importVerbs(program: Command): void {
  const imports = program.command('import').description('facts from files')
  publishedVerbs(imports)
  actingVerb(
    imports,
    'warranty <file>',
    'until when devices are under warranty, from a CSV file with the columns serial or device, ends_on (YYYY-MM-DD) and perhaps source',
    'breeze import warranty dell.csv --source Dell',
  )
    .option('--org <organization>', 'only devices of this organization, by id or name')
    .option('--source <text>', 'where the dates come from, for rows that do not say', 'CSV file')
    .action(async (file: string, options: WarrantyOptions) => importWarranties(rowsOf(await read(file)), options))
}

async function importWarranties(rows: readonly Row[], options: WarrantyOptions): Promise<void> {
  const unmatched: { line: number; reason: string }[] = []
  let imported = 0
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    const part = rows.slice(start, start + AT_ONCE)
    const answer = await importPart(part, options)
    imported += answer.imported
    for (const { row, reason } of answer.unmatched) unmatched.push({ line: part[row - 1]?.line ?? 0, reason })
  }
  if (options.json) return sayJson({ imported, unmatched })
  say(`Took over the warranty of ${plural(imported, 'device')}.`)
  for (const { line, reason } of unmatched)
    note(`line ${line}: ${reason === 'several' ? 'several devices have this name or serial' : 'no such device'}`)
}

async function importPart(part: readonly Row[], options: WarrantyOptions) {
  const input = {
    organization: options.org,
    source: options.source,
    rows: part.map(({ line: _line, ...row }) => row),
  }
  try {
    const answer = await runVerb(options, 'import_warranties', input)
    return answer as unknown as { imported: number; unmatched: { row: number; reason: string }[] }
  } catch (error) {
    // Refused as a whole: not one of these rows fits a device.
    const isEmpty =
      error instanceof Failure && error.detail?.['code'] === 'not_found' && error.message.startsWith('No device')
    if (!isEmpty) throw error
    return { imported: 0, unmatched: part.map((_, index) => ({ row: index + 1, reason: 'not_found' })) }
  }
}

function rowsOf(text: string): Row[] {
  const rows = readCsv(text).map(({ line, fields }): Row => {
    const of = (column: keyof typeof COLUMNS) => COLUMNS[column].map((name) => fields[name]).find(Boolean)
    const [serial, device, ends_on, source] = [of('serial'), of('device'), of('ends_on'), of('source')]
    if (!serial && !device) throw usage(`Line ${line} has neither a serial number nor a device.`)
    if (!ends_on || !/^\d{4}-\d\d-\d\d$/.test(ends_on)) throw usage(`Line ${line} has no date of the form YYYY-MM-DD.`)
    return { line, ends_on, ...(serial && { serial }), ...(device && { device }), ...(source && { source }) }
  })
  if (rows.length === 0) throw usage('The file has no rows.')
  return rows
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw usage(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
