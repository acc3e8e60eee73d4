/** Scripts that somebody may edit: those of their organizations, and, for the partner's own people, those for all. */
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import type { Target } from '../../kernel/tool.ts'
import { requirePartnerLevel } from '../organizations/service.ts'
import { findScript, requireOwn, type Script } from './library.ts'

export const FOR_ALL = 'every organization'

export const requireForAll = (caller: Caller): void =>
  requirePartnerLevel(caller, 'scripts.write', 'A script for every organization')

export async function ownScript(tx: Tx, caller: Caller, reference: string): Promise<Script> {
  const script = await findScript(tx, reference)
  requireOwn(script)
  if (script.organizationId === null) requireForAll(caller)
  return script
}

/** What everybody runs weighs more than what one organization does. */
export const scriptTarget = (script: Script): Target => ({
  kind: 'setting',
  id: script.id,
  name: script.name,
  organizationId: script.organizationId,
  siteId: null,
  ...(script.organizationId === null && { critical: 'script for every organization' }),
})
