/** Takes an export of known vulnerabilities into the database, a bounded part of it in memory at any time. */
import type { FileHandle } from 'node:fs/promises'
import type { Db, Tx } from '../../kernel/db.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ImportFile } from '../imports/import-folder.ts'
import type { Advisory } from './formats/advisory.ts'
import { readTrackerPiece } from './formats/debian-tracker.ts'
import { jsonPieces, NotJson } from './formats/json-pieces.ts'
import { readOsvRecord } from './formats/osv.ts'
import { NotZip, zipMembers } from './formats/zip.ts'
import type { Ecosystem } from './tables.ts'

export type ExportFormat = 'debian-tracker' | 'osv'

export interface ImportedExport {
  id: string
  ecosystem: Ecosystem
  releases: string[]
  advisories: number
}

interface Source {
  format: ExportFormat
  advisories: AsyncGenerator<Advisory>
  /** The newest date in it, once all is read. */
  newest(): Date | null
}

const BATCH = 2000

export interface ImportRun {
  db: Db
  file: ImportFile
  by: string
  now(): Date
  newId(): string
  signal: AbortSignal
  /** Told how many there are so far. */
  progress(advisories: number): void
}

/** All of it or nothing: until the end, what was imported before counts. Throws `invalid_input` for what is no such export. */
export async function importExport(run: ImportRun): Promise<ImportedExport[]> {
  const source = await sourceOf(run.file)
  const imports = new Map<Ecosystem, string>()
  try {
    let count = 0
    for await (const batch of batches(source.advisories)) {
      run.signal.throwIfAborted()
      await run.db.worker((tx) => writeBatch(tx, run, source.format, imports, batch))
      run.progress((count += batch.length))
    }
    if (count === 0) throw invalidInput(`${run.file.name} holds no vulnerabilities of packages of Debian or Ubuntu.`)
    return await run.db.worker((tx) => complete(tx, run, [...imports.values()], source.newest() ?? run.file.modifiedAt))
  } catch (error) {
    await run.db.worker((tx) => discard(tx, [...imports.values()]))
    if (error instanceof NotJson || error instanceof NotZip || error instanceof SyntaxError)
      throw invalidInput(`${run.file.name} can't be read as an export: ${error.message}.`)
    throw error
  }
}

async function* batches(advisories: AsyncIterable<Advisory>): AsyncGenerator<Advisory[]> {
  let batch: Advisory[] = []
  for await (const advisory of advisories) {
    batch.push(advisory)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

// ------------------------------------------------------------------ formats

async function sourceOf({ name, handle, size }: ImportFile): Promise<Source> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0)
  const head = buffer.toString('latin1', 0, bytesRead)
  if (head.startsWith('PK')) return osv(zipRecords(handle, size))
  const first = head
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart()
    .charAt(0)
  if (first === '[') return osv(listRecords(handle))
  if (first === '{') return { format: 'debian-tracker', advisories: tracker(handle), newest: () => null }
  throw invalidInput(
    `${name} is neither an export of OSV (a ZIP or a list of records) nor of the Debian security tracker (JSON).`,
    'Save https://security-tracker.debian.org/tracker/data/json, or all.zip of Debian or Ubuntu from osv.dev.',
  )
}

async function* tracker(handle: FileHandle): AsyncGenerator<Advisory> {
  for await (const piece of jsonPieces(textOf(handle), 2)) yield* readTrackerPiece(piece)
}

function osv(records: AsyncIterable<unknown>): Source {
  let newest: Date | null = null
  async function* advisories(): AsyncGenerator<Advisory> {
    for await (const record of records) {
      const at = modifiedAt(record)
      if (at && (!newest || at > newest)) newest = at
      yield* readOsvRecord(record)
    }
  }
  return { format: 'osv', advisories: advisories(), newest: () => newest }
}

function modifiedAt(record: unknown): Date | null {
  if (typeof record !== 'object' || record === null || !('modified' in record)) return null
  const at = new Date(String(record.modified))
  return Number.isNaN(at.getTime()) ? null : at
}

async function* listRecords(handle: FileHandle): AsyncGenerator<unknown> {
  for await (const { text } of jsonPieces(textOf(handle), 1)) yield JSON.parse(text)
}

/** Records of single vulnerabilities come before announcements that only mention them: the first that says something counts. */
const isSingle = (name: string): boolean => /(?:^|-)CVE-/.test(name)

async function* zipRecords(handle: FileHandle, size: number): AsyncGenerator<unknown> {
  const members = zipMembers(handle, size, {
    wanted: (name) => name.endsWith('.json'),
    order: (a, b) => Number(isSingle(b)) - Number(isSingle(a)),
  })
  for await (const { content } of members) yield JSON.parse(content.toString('utf8'))
}

async function* textOf(handle: FileHandle): AsyncGenerator<string> {
  for await (const chunk of handle.createReadStream({ encoding: 'utf8', start: 0, autoClose: false }))
    yield String(chunk)
}

// ------------------------------------------------------------------ rows

async function writeBatch(
  tx: Tx,
  run: ImportRun,
  format: ExportFormat,
  imports: Map<Ecosystem, string>,
  batch: readonly Advisory[],
): Promise<void> {
  for (const { ecosystem } of batch) {
    if (imports.has(ecosystem)) continue
    const id = run.newId()
    await tx.prepared(
      'begin_vulnerability_import',
      `insert into vulnerability_imports (id, ecosystem, format, file, state, releases, advisories, imported_by, started_at)
       values ($1, $2, $3, $4, 'running', '{}', 0, $5, $6)`,
      [id, ecosystem, format, run.file.name, run.by, run.now()],
    )
    imports.set(ecosystem, id)
  }
  await tx.prepared(
    'import_vulnerabilities',
    `insert into vulnerability_advisories (import_id, release, package, vulnerability, severity, summary, ranges)
     select v.import_id, v.release, v.package, v.vulnerability, v.severity, v.summary, v.ranges::jsonb
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       as v (import_id, release, package, vulnerability, severity, summary, ranges)
     on conflict do nothing`,
    [
      batch.map(({ ecosystem }) => imports.get(ecosystem)),
      batch.map((advisory) => advisory.release),
      batch.map((advisory) => withoutNul(advisory.package)),
      batch.map((advisory) => withoutNul(advisory.vulnerability)),
      batch.map((advisory) => advisory.severity),
      batch.map((advisory) => advisory.summary && withoutNul(advisory.summary)),
      batch.map((advisory) => withoutNul(JSON.stringify(advisory.ranges)).replaceAll(String.raw`\u0000`, '')),
    ],
  )
}

/** PostgreSQL's text can't hold one. */
const withoutNul = (text: string): string => text.replaceAll('\0', '')

async function complete(tx: Tx, run: ImportRun, ids: readonly string[], publishedAt: Date): Promise<ImportedExport[]> {
  await tx.prepared(
    'replace_vulnerability_imports',
    `delete from vulnerability_imports where id <> all ($1::uuid[])
     and ecosystem in (select ecosystem from vulnerability_imports where id = any ($1::uuid[]))`,
    [ids],
  )
  return tx.prepared<ImportedExport>(
    'complete_vulnerability_imports',
    `update vulnerability_imports i set state = 'current', finished_at = $2, published_at = least($3::timestamptz, $2::timestamptz),
       releases = array(select distinct release from vulnerability_advisories where import_id = i.id order by release),
       advisories = (select count(*) from vulnerability_advisories where import_id = i.id)
     where id = any ($1::uuid[]) returning id, ecosystem, releases, advisories`,
    [ids, run.now(), publishedAt],
  )
}

async function discard(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.prepared('discard_vulnerability_imports', 'delete from vulnerability_imports where id = any ($1::uuid[])', [
    ids,
  ])
}
