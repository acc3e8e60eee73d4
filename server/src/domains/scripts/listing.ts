/** The library as it is listed, and what is told of one script. */
import { type RawBuilder, sql } from 'kysely'
import { contains } from '../../kernel/conditions.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { listNamed, type NamedRows, type NamePage } from '../../kernel/named-rows.ts'
import type { System } from './library.ts'

export interface ListedScript {
  id: string
  organization: { id: string; name: string } | null
  name: string
  description: string
  language: string
  os: string[]
  version: number
  parameters: unknown
  builtIn: boolean
  archivedAt: string | null
  updatedAt: string
}

export interface ScriptFilter {
  text?: string | undefined
  languages?: string[] | undefined
  os?: System | undefined
  archived: boolean
}

interface Row {
  id: string
  organization_id: string | null
  organization: string | null
  name: string
  description: string
  language: string
  os: string[]
  version: number
  parameters: unknown
  built_in: string | null
  archived_at: Date | null
  updated_at: Date
}

/** By name. Those for every organization and those of the organizations that the transaction sees. */
export async function listScripts(
  tx: Tx,
  filter: ScriptFilter,
  page: Omit<NamePage, 'text'>,
): Promise<NamedRows<ListedScript>> {
  const scripts = sql<Row>`
    select s.id, s.organization_id, o.name as organization, s.name, s.description, v.language, v.os, s.version, v.parameters, s.built_in,
      s.archived_at, s.updated_at
    from scripts s join script_versions v on v.script_id = s.id and v.version = s.version
      left join organizations o on o.id = s.organization_id
    where ${sql.join(conditions(filter), sql` and `)}`
  const { rows, ...rest } = await listNamed(tx, scripts, page)
  return { rows: rows.map(listed), ...rest }
}

function conditions({ text, languages, os, archived }: ScriptFilter): RawBuilder<unknown>[] {
  return [
    archived ? sql`s.archived_at is not null` : sql`s.archived_at is null`,
    ...(text === undefined ? [] : [sql`(s.name ilike ${contains(text)} or s.description ilike ${contains(text)})`]),
    ...(languages === undefined ? [] : [sql`v.language = any (${languages}::text[])`]),
    ...(os === undefined ? [] : [sql`(v.os = '{}' or ${os} = any (v.os))`]),
  ]
}

const listed = (row: Row): ListedScript => ({
  id: row.id,
  organization:
    row.organization_id === null ? null : { id: row.organization_id, name: row.organization ?? row.organization_id },
  name: row.name,
  description: row.description,
  language: row.language,
  os: row.os,
  version: row.version,
  parameters: row.parameters,
  builtIn: row.built_in !== null,
  archivedAt: row.archived_at?.toISOString() ?? null,
  updatedAt: row.updated_at.toISOString(),
})

export interface SavedVersion {
  version: number
  digest: string
  note: string
  savedAt: string
  savedBy: string | null
}

/** The latest first. */
export async function versionsOf(tx: Tx, scriptId: string, limit: number): Promise<SavedVersion[]> {
  const rows = await tx.all(
    query
      .selectFrom('script_versions as v')
      .leftJoin('users as u', 'u.id', 'v.saved_by')
      .select(['v.version', 'v.digest', 'v.note', 'v.saved_at', 'u.name'])
      .where('v.script_id', '=', scriptId)
      .orderBy('v.version', 'desc')
      .limit(limit),
  )
  return rows.map((row) => ({
    version: row.version,
    digest: row.digest,
    note: row.note,
    savedAt: row.saved_at.toISOString(),
    savedBy: row.name,
  }))
}

export interface ScriptRun {
  id: string
  operation: string
  version: number | null
  startedAt: string
}

/** The latest first, as far as the transaction sees all that each of them touched. */
export async function runsOf(tx: Tx, scriptId: string, limit: number): Promise<ScriptRun[]> {
  const rows = await tx.all(
    query
      .selectFrom('script_runs')
      .select(['id', 'operation_id', 'script_version', 'created_at'])
      .where('script_id', '=', scriptId)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit),
  )
  return rows.map((row) => ({
    id: row.id,
    operation: row.operation_id,
    version: row.script_version,
    startedAt: row.created_at.toISOString(),
  }))
}
