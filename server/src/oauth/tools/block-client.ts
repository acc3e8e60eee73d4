import { createHash } from 'node:crypto'
import { z } from 'zod'
import { reasonField } from '../../identity/fields.ts'
import '../../identity/services/credentials.ts'
import { forbidden, notFound } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/caller.ts'
import { defineTool } from '../../kernel/tool.ts'
import { findClient } from '../client-list.ts'
import { endableGrants, endGrants } from '../grant-list.ts'

const actions = {
  block: { tier: 2, permission: 'users.write', destructive: true },
  unblock: { tier: 2, permission: 'users.write' },
} as const

export default defineTool({
  name: 'block_client',
  title: 'Block an OAuth program',
  description:
    'Blocks a program for everybody: all its grants are revoked at once and nobody can connect it again, until it is unblocked. For people at the partner.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { field: 'action', each: actions },
  input: z.object({
    action: z.enum(['block', 'unblock']),
    client: z.string().trim().min(1).max(500).describe('Id or name of the program.'),
    reason: reasonField.optional(),
  }),
  output: z.object({ id: z.string(), name: z.string(), blocked: z.boolean(), revoked: z.number().int() }),
  async targets({ tx, caller, now }, input) {
    requirePartner(caller)
    const client = await findClient(tx, caller, input.client, now())
    return [{ kind: 'oauth_client', id: targetId(client.id), name: client.name, organizationId: null, siteId: null }]
  },
  plan: async (_, input, targets) => ({
    summary: `${input.action === 'block' ? 'Block' : 'Unblock'} the program "${targets[0]?.name}" for everybody.`,
    irreversible: input.action === 'block' ? ['Its grants are revoked and cannot be brought back.'] : [],
  }),
  async run({ tx, caller, now, services }, input) {
    requirePartner(caller)
    const client = await findClient(tx, caller, input.client, now())
    const blocks = input.action === 'block'
    const [changed] = await tx.prepared<{ changed: boolean }>(
      'block_oauth_client',
      'select block_oauth_client($1, $2, $3, $4) as changed',
      [client.id, caller.user.id, input.reason ?? null, blocks ? now() : null],
    )
    if (!changed?.changed) throw notFound('program', input.client)
    const alive = blocks && client.grants > 0 ? await endableGrants(tx, caller, { client: client.id }, now()) : []
    const ids = alive.map((grant) => grant.id)
    const gone = await endGrants(tx, ids, 'blocked', caller.user.id, now())
    tx.afterCommit(() => services.credentials.revoked(gone))
    return { id: client.id, name: client.name, blocked: blocks, revoked: gone.length }
  },
  present: (result) => ({
    text: result.blocked
      ? `"${result.name}" is blocked; ${result.revoked} grants were revoked.`
      : `"${result.name}" may be connected again.`,
    data: result,
  }),
})

/** What an act touches is named by UUIDs; a program's id is none, so that this one is made of it. */
function targetId(client: string): string {
  const hex = createHash('sha256').update(client).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** A block holds for every organization, so it takes the permission at the partner's level. */
function requirePartner(caller: Caller): void {
  if (caller.partner?.permissions.has('users.write')) return
  throw forbidden(
    'Blocking a program takes the permission users.write for the whole partner.',
    'Revoke its grants instead.',
  )
}
