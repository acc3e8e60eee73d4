/** The library: scripts and their versions as rows. A version is written once; whoever edits writes the next one. */
import type { ScriptLanguage } from '@breeze/contract/agent-commands'
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { z } from 'zod'
import { canonicalJson } from '../../kernel/canonical.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, invalidInput, notFound } from '../../kernel/errors.ts'
import { findNamed } from '../../kernel/named-rows.ts'
import { isUuid } from '../../kernel/uuid.ts'
import { type Parameter, parameterList } from './parameters.ts'
import './tables.ts'

export const SYSTEMS = ['linux', 'windows', 'macos'] as const
export type System = (typeof SYSTEMS)[number]

/** All that decides what a run does. */
export interface VersionContent {
  language: ScriptLanguage
  content: string
  /** Empty: any. */
  os: System[]
  parameters: Parameter[]
  runAs: string | null
  timeoutSeconds: number
  /** The script that takes back what this one does. */
  undo: string | null
}

export interface Script {
  id: string
  /** Null: for every organization of the partner. */
  organizationId: string | null
  organizationName: string | null
  name: string
  description: string
  builtIn: string | null
  version: number
  updatedAt: string
  archivedAt: string | null
}

export interface ScriptVersion extends VersionContent {
  version: number
  digest: string
}

export const versionDigest = ({ os, undo, ...rest }: VersionContent): string =>
  createHash('sha256')
    .update(canonicalJson({ ...contentFields(rest), os: [...os].sort(), ...(undo !== null && { undo }) }))
    .digest('hex')

/** Whatever else its holder carries. */
const contentFields = ({
  language,
  content,
  parameters,
  runAs,
  timeoutSeconds,
}: Omit<VersionContent, 'os' | 'undo'>) => {
  return { language, content, parameters, runAs, timeoutSeconds }
}

interface Row {
  id: string
  organization_id: string | null
  organization: string | null
  name: string
  description: string
  built_in: string | null
  version: number
  updated_at: Date
  archived_at: Date | null
}

const scripts = () =>
  query
    .selectFrom('scripts as s')
    .leftJoin('organizations as o', 'o.id', 's.organization_id')
    .select(['s.id', 's.organization_id', 'o.name as organization', 's.name', 's.description', 's.built_in'])
    .select(['s.version', 's.updated_at', 's.archived_at'])

const toScript = (row: Row): Script => ({
  id: row.id,
  organizationId: row.organization_id,
  organizationName: row.organization,
  name: row.name,
  description: row.description,
  builtIn: row.built_in,
  version: row.version,
  updatedAt: row.updated_at.toISOString(),
  archivedAt: row.archived_at?.toISOString() ?? null,
})

/** By id, also an archived one; by its exact name, whatever its case, only one in use. */
export async function findScript(tx: Tx, reference: string): Promise<Script> {
  const rows = isUuid(reference) ? scripts() : scripts().where('s.archived_at', 'is', null)
  return toScript(
    await findNamed(tx, 'script', rows, reference, ({ organization }) => organization ?? 'every organization'),
  )
}

/** Null: it is in use. */
export async function archivedAt(tx: Tx, id: string): Promise<Date | null> {
  const row = await tx.first(query.selectFrom('scripts').select('archived_at').where('id', '=', id))
  return row?.archived_at ?? null
}

const storedSystems = z.array(z.enum(SYSTEMS))

export async function readVersion(tx: Tx, script: Script, version = script.version): Promise<ScriptVersion> {
  const row = await tx.first(
    query
      .selectFrom('script_versions')
      .select([
        'version',
        'language',
        'content',
        'os',
        'parameters',
        'run_as',
        'timeout_seconds',
        'digest',
        'undo_script',
      ])
      .where('script_id', '=', script.id)
      .where('version', '=', version),
  )
  if (!row) throw notFound(`version of "${script.name}"`, String(version))
  return {
    version: row.version,
    // Written by this file from its own types.
    language: row.language as ScriptLanguage,
    content: row.content,
    os: storedSystems.parse(row.os),
    parameters: parameterList.parse(row.parameters),
    runAs: row.run_as,
    timeoutSeconds: row.timeout_seconds,
    undo: row.undo_script,
    digest: row.digest,
  }
}

export interface Stamp {
  at: Date
  /** Null: the server itself. */
  by: string | null
}

export interface NewScript {
  id: string
  partnerId: string
  organizationId: string | null
  name: string
  description: string
  builtIn?: string
}

export async function insertScript(
  tx: Tx,
  made: NewScript,
  content: VersionContent,
  { at, by, note }: Stamp & { note: string },
): Promise<void> {
  const inserted = await tx.run(
    query
      .insertInto('scripts')
      .values({
        id: made.id,
        partner_id: made.partnerId,
        organization_id: made.organizationId,
        name: made.name,
        description: made.description,
        built_in: made.builtIn ?? null,
        version: 1,
        created_at: at,
        updated_at: at,
        updated_by: by,
      })
      .onConflict((clash) => clash.doNothing()),
  )
  if (inserted === 0) throw nameTaken(made.name)
  await insertVersion(tx, made, 1, content, { at, by, note })
}

export interface ScriptChange {
  name: string
  description: string
  /** Null: only what it is called changes. */
  content: VersionContent | null
  /** Refused where another version is the latest by now. */
  basedOn: number
}

/** Answers the version that is the latest now. */
export async function changeScript(
  tx: Tx,
  script: Pick<Script, 'id'>,
  change: ScriptChange,
  stamp: Stamp & { note: string },
): Promise<number> {
  const row = await tx.first(
    query
      .selectFrom('scripts')
      .select(['id', 'partner_id as partnerId', 'organization_id as organizationId', 'version'])
      .where('id', '=', script.id)
      .forUpdate(),
  )
  if (!row) throw notFound('script', script.id)
  if (row.version !== change.basedOn)
    throw conflict(`Version ${row.version} was saved meanwhile.`, 'Look at it with list_scripts, then save again.')
  await requireFreeName(tx, row, change.name)
  const version = row.version + (change.content ? 1 : 0)
  await tx.run(
    query
      .updateTable('scripts')
      .set({
        name: change.name,
        description: change.description,
        version,
        updated_at: stamp.at,
        updated_by: stamp.by,
      })
      .where('id', '=', row.id),
  )
  if (change.content) await insertVersion(tx, row, version, change.content, stamp)
  return version
}

export async function setArchived(tx: Tx, script: Script, partnerId: string, archived: boolean, stamp: Stamp) {
  if (!archived) await requireFreeName(tx, { ...script, partnerId }, script.name)
  await tx.run(
    query
      .updateTable('scripts')
      .set({ archived_at: archived ? stamp.at : null, updated_at: stamp.at, updated_by: stamp.by })
      .where('id', '=', script.id)
      .where('archived_at', archived ? 'is' : 'is not', null),
  )
}

async function requireFreeName(
  tx: Tx,
  at: { id: string; partnerId: string; organizationId: string | null },
  name: string,
): Promise<void> {
  const other = await tx.first(
    query
      .selectFrom('scripts')
      .select('id')
      .where('partner_id', '=', at.partnerId)
      .where('organization_id', at.organizationId === null ? 'is' : '=', at.organizationId)
      .where(sql<boolean>`lower(name) = lower(${name})`)
      .where('archived_at', 'is', null)
      .where('id', '!=', at.id),
  )
  if (other) throw nameTaken(name)
}

const nameTaken = (name: string) =>
  conflict(`There is already a script called "${name}".`, 'Choose another name, or save a version of that one.')

async function insertVersion(
  tx: Tx,
  place: { id: string; partnerId: string; organizationId: string | null },
  version: number,
  content: VersionContent,
  { at, by, note }: Stamp & { note: string },
): Promise<void> {
  await tx.run(
    query.insertInto('script_versions').values({
      script_id: place.id,
      version,
      partner_id: place.partnerId,
      organization_id: place.organizationId,
      language: content.language,
      content: content.content,
      os: content.os,
      parameters: JSON.stringify(content.parameters),
      run_as: content.runAs,
      timeout_seconds: content.timeoutSeconds,
      undo_script: content.undo,
      digest: versionDigest(content),
      note,
      saved_at: at,
      saved_by: by,
    }),
  )
}

/** A script that comes with Breeze is as it comes. */
export function requireOwn(script: Script): void {
  if (script.builtIn !== null)
    throw invalidInput(`"${script.name}" comes with Breeze and can not be changed.`, 'Save a copy under another name.')
}
