/** Live counts of the limits, of those keys and grants that the caller may see. */
import { keysAmong } from '../../identity/services/api-keys.ts'
import type { LiveCount } from '../../kernel/live-limits.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { grantsAmong } from '../../oauth/grant-list.ts'

const MOST_SHOWN = 100
/** Of the busiest credentials; what is beyond is told by its number. */
const MOST_LOOKED_UP = 500

export interface SeenCredential {
  kind: 'api_key' | 'oauth_grant'
  id: string
  name: string
  user: string | null
  userId: string
}

export async function credentialsAmong(
  tx: Tx,
  caller: Caller,
  ids: readonly string[],
  now: Date,
): Promise<Map<string, SeenCredential>> {
  const keys = await keysAmong(tx, caller, ids, now)
  const grants = await grantsAmong(tx, caller, ids)
  const seen: SeenCredential[] = [
    ...keys.map(({ id, name, user }) => ({ kind: 'api_key' as const, id, name, user: user.name, userId: user.id })),
    ...grants.map(({ id, client_name: name, user_id: userId, user_name: user }) => {
      return { kind: 'oauth_grant' as const, id, name, user, userId }
    }),
  ]
  return new Map(seen.map((one) => [one.id, one]))
}

/** In the order given; what belongs to nobody that the caller may see is left out. */
export async function seenCounts(tx: Tx, caller: Caller, counts: readonly LiveCount[], now: Date) {
  const ids = [...new Set(counts.map(({ credentialId }) => credentialId))].slice(0, MOST_LOOKED_UP)
  const seen = await credentialsAmong(tx, caller, ids, now)
  return counts
    .flatMap((count) => {
      const credential = seen.get(count.credentialId)
      return credential ? [{ ...count, credential }] : []
    })
    .slice(0, MOST_SHOWN)
}
