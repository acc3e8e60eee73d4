import { isScope } from '@breeze/contract/governance'
import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { conflict, forbidden } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { DURATION_HELP, durationField } from '../duration.ts'
import { referenceField } from '../fields.ts'
import { findKey, isOwn, keyTargets, rotateKey, type KeyFacts } from '../services/api-keys.ts'
import '../services/credentials.ts'
import { boundExpiry, boundRanges, makerLimits, permissionsOver, requireScopes } from '../services/key-rights.ts'
import { requireAtLeast } from '../services/roles.ts'
import { assignmentsOf } from '../services/users.ts'

const DAY_MS = 86_400_000

export default defineTool({
  name: 'rotate_api_key',
  title: 'Rotate an API key',
  description:
    'Gives one of your keys a new secret, answered once. The former secret keeps working for the overlap (24 hours unless told otherwise, 0 for none), so that programs can be moved over.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'keys.write' },
  input: z.object({
    key: referenceField.describe('Id or name.'),
    overlap: durationField('0', '30d').default(DAY_MS).describe(`${DURATION_HELP} 0: the former secret ends now.`),
  }),
  output: z.object({
    id: z.string(),
    name: z.string(),
    key: z.string().optional(),
    scopes: z.array(z.string()),
    expires_at: z.string().nullable(),
    former_secret_until: z.string().nullable(),
  }),
  targets: async ({ tx, caller, now }, input) => keyTargets(caller, await rotatable(tx, caller, now(), input.key)),
  plan: async (_, input, targets) => ({
    summary: `Give the key "${targets[0]?.name}" a new secret${input.overlap === 0 ? '' : '; the former one works for the overlap'}.`,
    irreversible: input.overlap === 0 ? ['The former secret stops working at once.'] : [],
  }),
  async run({ tx, caller, now, services }, input) {
    const key = await rotatable(tx, caller, now(), input.key)
    const made = services.credentials.makeKey()
    const until = input.overlap === 0 ? null : new Date(now().getTime() + input.overlap)
    await rotateKey(tx, key.id, made, until)
    if (until === null) tx.afterCommit(() => services.credentials.revoked([key.id]))
    return {
      id: key.id,
      name: key.name,
      key: made.secret,
      scopes: key.scopes,
      expires_at: key.expiresAt?.toISOString() ?? null,
      former_secret_until: until?.toISOString() ?? null,
    }
  },
  present: (made) => ({
    text: `The new secret of "${made.name}", shown only now: ${made.key}. The former one works ${made.former_secret_until ? `until ${made.former_secret_until}` : 'no longer'}.`,
    data: made,
  }),
})

/** A new secret is a new way to act as the key's user: for that user and the owner of a service only. */
async function rotatable(tx: Tx, caller: Caller, now: Date, reference: string): Promise<KeyFacts> {
  const key = await findKey(tx, caller, 'keys.write', reference, now)
  if (!isOwn(caller, key)) {
    throw forbidden(`The key "${key.name}" is somebody else's.`, 'Ask its user to rotate it, or delete it.')
  }
  if (key.state === 'expired')
    throw conflict(`The key "${key.name}" has expired.`, 'Set a new expiry first, or make a new key.')
  if (key.id === caller.credential.id) return requireNewestSecret(caller, key)
  // The secret of another key is worth all that this key can do, which must not be more than the caller can.
  requireScopes(caller, key.scopes.filter(isScope), permissionsOver(caller, key.organizationIds ?? 'partner'))
  if (key.user.id !== caller.user.id) requireAtLeast(caller, await assignmentsOf(tx, [key.user.id]))
  const limits = await makerLimits(tx, caller)
  if (limits?.expiresAt && key.expiresAt === null) {
    throw forbidden("A key can't rotate one that outlives it.", 'Rotate it in person.')
  }
  boundExpiry(limits, key.expiresAt)
  if (limits?.ipAllowList && key.ipAllowList === null) {
    throw forbidden("A key can't rotate one that works from more addresses.", 'Rotate it in person.')
  }
  await boundRanges(tx, limits, key.ipAllowList)
  return key
}

/** Whoever still holds the former secret is who the rotation was meant to shut out: it can't take the key over. */
function requireNewestSecret(caller: Caller, key: KeyFacts): KeyFacts {
  // The authenticator ends what a former secret opens with the overlap.
  const { formerExpiresAt: end } = key
  if (end === null || caller.expiresAt === null || caller.expiresAt > end) return key
  throw forbidden(
    'While a rotation overlaps, this key can only be rotated in person.',
    'Rotate it at the console or on the server.',
  )
}
