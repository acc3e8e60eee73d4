/** A copy of a machine becomes a device of its own: proven by the key that it copied, and never without a person. */
import { type EnrollRequest, separationMessage } from '@breeze/contract/agent-protocol'
import { sql } from 'kysely'
import { importPublicKey, verifyText } from '../../keys/ed25519.ts'
import type { Environment } from '../../kernel/context.ts'
import { query, type Tx } from '../../kernel/db.ts'
import type { Enrolled } from './enrollment.ts'
import { findByKey, insertDevice, repeated } from './new-device.ts'

export type SeparationRequest = Extract<EnrollRequest, { copyOf: unknown }>

/** Waiting for approval at once, per original: whoever stole a key could otherwise fill the list. */
const MOST_WAITING = 20

export async function separate(
  tx: Tx,
  request: SeparationRequest,
  publicKey: Buffer,
  environment: Environment,
): Promise<Enrolled> {
  const original = await findOriginal(tx, request.copyOf.deviceId)
  // An absent original and a wrong signature get one answer: ids can't be tried out.
  if (!original || !isProven(request, original)) return { state: 'refused', reason: 'original_unknown' }
  const before = await findByKey(tx, publicKey)
  if (before) return repeated(before, before.copy_of === original.id)
  const waiting = await tx.first(
    query
      .selectFrom('devices')
      .select(sql<number>`count(*)`.as('n'))
      .where('copy_of', '=', original.id)
      .where('removed_at', 'is', null)
      .where(sql<boolean>`'awaiting_approval' = any (conditions)`),
  )
  if ((waiting?.n ?? 0) >= MOST_WAITING) return { state: 'refused', reason: 'too_many_copies' }
  return insertDevice(tx, request, publicKey, environment, {
    organizationId: original.organization_id,
    siteId: original.site_id,
    simulated: original.simulated,
    enrolledWith: null,
    copyOf: original.id,
    awaitsApproval: true,
  })
}

type Original = NonNullable<Awaited<ReturnType<typeof findOriginal>>>

/** Locked, so that two copies are counted one after the other. */
function findOriginal(tx: Tx, id: string) {
  return tx.first(
    query
      .selectFrom('devices')
      .select(['id', 'organization_id', 'site_id', 'simulated', 'public_key', 'next_public_key'])
      .where('id', '=', id)
      .where('removed_at', 'is', null)
      .forNoKeyUpdate(),
  )
}

function isProven({ copyOf, publicKey, machineId }: SeparationRequest, original: Original): boolean {
  const message = separationMessage(original.id, publicKey, machineId)
  return [original.public_key, original.next_public_key].some((raw) => {
    const key = raw && importPublicKey(raw.toString('base64url'))
    return key && verifyText(key, message, copyOf.signature)
  })
}
