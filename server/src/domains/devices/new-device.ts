/** The row of a device that enrolls, and what is found when its key enrolled before. */
import type { EnrollRequest } from '@breeze/contract/agent-protocol'
import type { Environment } from '../../kernel/context.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { cleanName, hostName } from './device-name.ts'
import type { Enrolled } from './enrollment.ts'

/** Where a new device belongs, and on whose word. */
export interface Origin {
  organizationId: string
  siteId: string
  simulated: boolean
  enrolledWith: string | null
  copyOf: string | null
  awaitsApproval: boolean
}

export async function insertDevice(
  tx: Tx,
  request: EnrollRequest,
  publicKey: Buffer,
  environment: Environment,
  origin: Origin,
): Promise<Enrolled> {
  const { organizationId, siteId, simulated, enrolledWith, copyOf, awaitsApproval } = origin
  const id = environment.newId()
  const machineId = cleanName(request.machineId, 128) ?? id
  const name = hostName(request.hostname) ?? `device-${id.slice(-8)}`
  const hasTwin = await isMachineKnown(tx, organizationId, machineId)
  await tx.run(
    query.insertInto('devices').values({
      id,
      organization_id: organizationId,
      site_id: siteId,
      name,
      machine_id: machineId,
      public_key: publicKey,
      platform: request.platform,
      simulated,
      agent_version: cleanName(request.agentVersion, 40) ?? 'unknown',
      conditions: [...(hasTwin ? ['duplicate_machine'] : []), ...(awaitsApproval ? ['awaiting_approval'] : [])],
      enrolled_with: enrolledWith,
      copy_of: copyOf,
      enrolled_at: environment.now(),
    }),
  )
  const device = { id, organizationId, siteId, name, awaitingApproval: awaitsApproval }
  return { state: 'enrolled', device, duplicateMachine: hasTwin }
}

async function isMachineKnown(tx: Tx, organizationId: string, machineId: string): Promise<boolean> {
  const twin = await tx.first(
    query
      .selectFrom('devices')
      .select('id')
      .where('organization_id', '=', organizationId)
      .where('machine_id', '=', machineId)
      .where('removed_at', 'is', null)
      .limit(1),
  )
  return twin !== undefined
}

export type ByKey = NonNullable<Awaited<ReturnType<typeof findByKey>>>

/** A key that follows another one is as taken as that one. */
export function findByKey(tx: Tx, publicKey: Buffer) {
  return tx.first(
    query
      .selectFrom('devices')
      .select(['id', 'organization_id', 'site_id', 'name', 'enrolled_with', 'copy_of', 'conditions', 'removed_at'])
      .where((e) => e.or([e('public_key', '=', publicKey), e('next_public_key', '=', publicKey)])),
  )
}

/** The same key again: the same device, when it comes on the same word as before. */
export function repeated(device: ByKey, isSameWord: boolean): Enrolled {
  if (!isSameWord) return { state: 'refused', reason: 'key_in_use' }
  if (device.removed_at) return { state: 'refused', reason: 'device_removed' }
  const { id, organization_id: organizationId, site_id: siteId, name } = device
  const awaitingApproval = device.conditions.includes('awaiting_approval')
  return { state: 'repeated', device: { id, organizationId, siteId, name, awaitingApproval } }
}
