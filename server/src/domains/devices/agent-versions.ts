import { query, type Tx } from '../../kernel/db.ts'

/** The versions that the agents of these devices told when they were last let in. */
export async function agentVersions(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.all(
    query
      .selectFrom('devices')
      .select(['id', 'agent_version'])
      .where('id', 'in', [...new Set(ids)]),
  )
  return new Map(rows.map((row) => [row.id, row.agent_version]))
}
