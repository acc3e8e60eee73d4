/** What people call devices by. */
import { z } from 'zod'
import type { Tx } from '../../kernel/db.ts'

/** Lower case, so that one word is one tag. */
export const tagField = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(64)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:/-]*$/u, 'letters, digits, spaces and . _ : / - only')
export const MOST_TAGS = 50

// Locked in the order of ids, as presence does. Sorted and each once; a device that would have too many is left as it is.
const CHANGE = `
  with picked as (
    select id, array(
      select distinct tag from unnest(tags || $2::text[]) tag where tag <> all ($3::text[]) order by tag) as wanted
    from devices where id = any ($1::uuid[]) and removed_at is null order by id for no key update)
  update devices d set tags = picked.wanted from picked
  where d.id = picked.id and d.tags <> picked.wanted and cardinality(picked.wanted) <= ${MOST_TAGS}
  returning d.id`

/** Answers the devices whose tags changed. */
export async function changeTags(
  tx: Tx,
  deviceIds: readonly string[],
  { add, remove }: { add: readonly string[]; remove: readonly string[] },
): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('change_tags', CHANGE, [deviceIds, add, remove])
  return rows.map((row) => row.id)
}
