import { query, type Tx } from '../../kernel/db.ts'

/** Names of the devices that the transaction sees. */
export async function deviceNames(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.all(
    query
      .selectFrom('devices')
      .select(['id', 'name'])
      .where('id', 'in', [...new Set(ids)]),
  )
  return new Map(rows.map((row) => [row.id, row.name]))
}
