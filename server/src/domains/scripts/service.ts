/** Runs of scripts: what ran, on which operation. The commands and their results belong to the commands domain. */
import type { ScriptLanguage } from '@breeze/contract/agent-commands'
import { createHash } from 'node:crypto'
import { query, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import { isUuid } from '../../kernel/uuid.ts'
import { parameterValues, type Values } from './parameters.ts'
import './tables.ts'

/** What devices are asked to run, without the values of secrets. */
export interface RunInput {
  language: ScriptLanguage
  content: string
  /** Null: of inline text. */
  script: { id: string; version: number; name: string } | null
  values: Values
  secretNames: string[]
  arguments: string[]
  runAs: string | null
  workingDirectory: string | null
  timeoutSeconds: number
  concurrency: number | null
}

export interface NewRun extends RunInput {
  id: string
  partnerId: string
  organizationIds: string[]
  operation: string
  retryOf: string | null
  undo: Run['undo']
  /** Of a run in stages, see `rollout/secrets.ts`. */
  sealedSecrets: Buffer | null
  now: Date
}

export interface Run extends RunInput {
  id: string
  operation: string
  /** Frozen when the run was confirmed: what takes it back. Of a run in stages. */
  undo: { id: string; version: number } | null
  sealedSecrets: Buffer | null
}

export const contentDigest = (content: string): string => createHash('sha256').update(content).digest('hex')

export async function insertRun(tx: Tx, run: NewRun): Promise<void> {
  await tx.run(
    query.insertInto('script_runs').values({
      id: run.id,
      partner_id: run.partnerId,
      organization_ids: run.organizationIds,
      operation_id: run.operation,
      language: run.language,
      content: run.content,
      content_digest: contentDigest(run.content),
      timeout_seconds: run.timeoutSeconds,
      script_id: run.script?.id ?? null,
      script_version: run.script?.version ?? null,
      script_name: run.script?.name ?? null,
      parameters: JSON.stringify(run.values),
      secrets: run.secretNames,
      arguments: run.arguments,
      run_as: run.runAs,
      working_directory: run.workingDirectory,
      concurrency: run.concurrency,
      retry_of: run.retryOf,
      undo_script: run.undo?.id ?? null,
      undo_version: run.undo?.version ?? null,
      sealed_secrets: run.sealedSecrets,
      created_at: run.now,
    }),
  )
}

/** By the run's id or its operation's: callers mix them up, and both are theirs. */
export async function findRun(tx: Tx, reference: string): Promise<Run> {
  if (!isUuid(reference)) throw notFound('script run', reference)
  const row = await tx.first(
    query
      .selectFrom('script_runs')
      .selectAll()
      .where((where) => where.or([where('id', '=', reference), where('operation_id', '=', reference)])),
  )
  if (!row) throw notFound('script run', reference)
  const { script_id: id, script_version: version, script_name: name } = row
  return {
    id: row.id,
    operation: row.operation_id,
    // Written by `insertRun`.
    language: row.language as ScriptLanguage,
    content: row.content,
    script: id === null || version === null ? null : { id, version, name: name ?? id },
    values: parameterValues.parse(row.parameters),
    secretNames: row.secrets,
    arguments: row.arguments,
    runAs: row.run_as,
    workingDirectory: row.working_directory,
    timeoutSeconds: row.timeout_seconds,
    concurrency: row.concurrency,
    undo:
      row.undo_script === null || row.undo_version === null ? null : { id: row.undo_script, version: row.undo_version },
    sealedSecrets: row.sealed_secrets,
  }
}
