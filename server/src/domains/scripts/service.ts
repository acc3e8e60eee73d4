/** Runs of scripts: what ran, on which operation. The commands and their results belong to the commands domain. */
import { createHash } from 'node:crypto'
import { query, type Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import './tables.ts'

export interface NewRun {
  id: string
  partnerId: string
  organizationIds: string[]
  operation: string
  language: string
  content: string
  timeoutSeconds: number
  now: Date
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
      created_at: run.now,
    }),
  )
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** By the run's id or its operation's: callers mix them up, and both are theirs. */
export async function findRun(tx: Tx, reference: string): Promise<{ id: string; operation: string; language: string }> {
  if (!UUID.test(reference)) throw notFound('script run', reference)
  const row = await tx.first(
    query
      .selectFrom('script_runs')
      .select(['id', 'operation_id', 'language'])
      .where((where) => where.or([where('id', '=', reference), where('operation_id', '=', reference)])),
  )
  if (!row) throw notFound('script run', reference)
  return { id: row.id, operation: row.operation_id, language: row.language }
}
