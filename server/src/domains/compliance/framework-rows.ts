/** Frameworks of one's own, as rows. */
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, notFound } from '../../kernel/errors.ts'
import type { Level, OwnControl } from './policies.ts'
import './tables.ts'

interface Stamp {
  user: string
  at: Date
}

export async function insertFramework(
  tx: Tx,
  made: Level & { id: string; name: string; controls: readonly OwnControl[] },
  { user, at }: Stamp,
): Promise<void> {
  const inserted = await tx.run(
    query
      .insertInto('compliance_frameworks')
      .values({
        id: made.id,
        partner_id: made.partnerId,
        organization_id: made.organizationId,
        name: made.name,
        version: 1,
        controls: JSON.stringify(made.controls),
        updated_by: user,
        updated_at: at,
      })
      .onConflict((clash) => clash.doNothing()),
  )
  if (inserted === 0) throw nameTaken(made.name)
}

/** What is absent stays; the version rises with the controls. */
export async function updateFramework(
  tx: Tx,
  id: string,
  change: { name: string | undefined; controls: readonly OwnControl[] | undefined },
  { user, at }: Stamp,
): Promise<{ name: string; version: number; controls: number }> {
  const before = await tx.first(
    query
      .selectFrom('compliance_frameworks')
      .select(['partner_id', 'organization_id', 'name'])
      .where('id', '=', id)
      .forUpdate(),
  )
  if (!before) throw notFound('framework', id)
  if (change.name !== undefined && (await isTaken(tx, id, before, change.name))) throw nameTaken(change.name)
  const row = await tx.first(
    query
      .updateTable('compliance_frameworks')
      .set((e) => ({
        updated_by: user,
        updated_at: at,
        ...(change.name !== undefined && { name: change.name }),
        ...(change.controls !== undefined && {
          controls: JSON.stringify(change.controls),
          version: e('version', '+', 1),
        }),
      }))
      .where('id', '=', id)
      .returning((e) => ['name', 'version', e.fn<number>('jsonb_array_length', ['controls']).as('n')]),
  )
  if (!row) throw notFound('framework', id)
  return { name: row.name, version: row.version, controls: row.n }
}

export async function deleteFramework(tx: Tx, id: string): Promise<void> {
  if ((await tx.run(query.deleteFrom('compliance_frameworks').where('id', '=', id))) === 0)
    throw notFound('framework', id)
}

async function isTaken(
  tx: Tx,
  id: string,
  at: { partner_id: string; organization_id: string | null },
  name: string,
): Promise<boolean> {
  const other = await tx.first(
    query
      .selectFrom('compliance_frameworks')
      .select('id')
      .where('partner_id', '=', at.partner_id)
      .where('organization_id', at.organization_id === null ? 'is' : '=', at.organization_id)
      .where((e) => e(e.fn('lower', ['name']), '=', name.toLowerCase()))
      .where('id', '!=', id),
  )
  return other !== undefined
}

const nameTaken = (name: string) => conflict(`There is already a framework called "${name}".`, 'Choose another name.')
