import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { defineTool } from '../../kernel/tool.ts'
import { DURATION_HELP, durationField } from '../duration.ts'
import { nameField, referenceField } from '../fields.ts'
import { changeKey, findKey, keyTargets, type KeyChange, type KeyFacts } from '../services/api-keys.ts'
import '../services/credentials.ts'
import {
  boundExpiry,
  boundRanges,
  ipRangesField,
  makerLimits,
  permissionsOver,
  requireScopes,
  scopesField,
} from '../services/key-rights.ts'
import { ownRights } from '../services/roles.ts'

const input = z.object({
  key: referenceField.describe('Id or name.'),
  name: nameField.optional().describe('The new name.'),
  scopes: scopesField.optional().describe('All scopes from now on.'),
  expires_in: z
    .union([z.literal('never'), durationField('1m', '3650d')])
    .optional()
    .describe(`From now: never, or a duration. ${DURATION_HELP}`),
  ip_allow_list: ipRangesField.nullable().optional().describe('Null: from everywhere.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'update_api_key',
  title: 'Change an API key',
  description:
    "Changes a key's name, scopes, expiry or allowed addresses, never beyond your own rights. Its secret stays. Takes effect with its next call.",
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'keys.write', idempotent: true },
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.string()),
    expires_at: z.string().nullable(),
    ip_allow_list: z.array(z.string()).nullable(),
  }),
  targets: async ({ tx, caller, now }, input) => keyTargets(caller, (await planChange(tx, caller, now(), input)).key),
  plan: async (_, input, targets) => ({
    summary: `Change the key "${targets[0]?.name}"${describe(input)}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, services }, input) {
    const { key, change } = await planChange(tx, caller, now(), input)
    await changeKey(tx, key.id, change)
    // A stream that is open was let in under the former rights; its client opens another one under the new ones.
    if (change.scopes || change.expiresAt !== undefined || change.ipAllowList !== undefined) {
      tx.afterCommit(() => services.credentials.revoked([key.id]))
    }
    const expiresAt = change.expiresAt === undefined ? key.expiresAt : change.expiresAt
    return {
      id: key.id,
      name: change.name ?? key.name,
      scopes: change.scopes ?? key.scopes,
      expires_at: expiresAt?.toISOString() ?? null,
      ip_allow_list: change.ipAllowList === undefined ? key.ipAllowList : change.ipAllowList,
    }
  },
  present: (now) => ({
    text: `"${now.name}": ${now.scopes.join(', ')}; expires ${now.expires_at ?? 'never'}.`,
    data: now,
  }),
})

async function planChange(
  tx: Tx,
  caller: Caller,
  now: Date,
  input: Input,
): Promise<{ key: KeyFacts; change: KeyChange }> {
  const key = await findKey(tx, caller, 'keys.write', input.key, now)
  if (key.id === caller.credential.id) throw ownRights()
  if (key.state === 'expired' && input.expires_in === undefined) {
    throw conflict(`The key "${key.name}" has expired.`, 'Set a new expiry with it, or delete it.')
  }
  const reach = key.organizationIds ?? 'partner'
  if (input.scopes) requireScopes(caller, input.scopes, permissionsOver(caller, reach))
  const limits = await makerLimits(tx, caller)
  const { expires_in: lifetime } = input
  const expiresAt = lifetime === undefined || lifetime === 'never' ? null : new Date(now.getTime() + lifetime)
  return {
    key,
    change: {
      ...(input.name !== undefined && { name: input.name }),
      ...(input.scopes && { scopes: input.scopes }),
      ...(lifetime !== undefined && { expiresAt: boundExpiry(limits, expiresAt) }),
      ...(input.ip_allow_list !== undefined && { ipAllowList: await boundRanges(tx, limits, input.ip_allow_list) }),
    },
  }
}

function describe(input: Input): string {
  const parts = [
    ...(input.name === undefined ? [] : [`name "${input.name}"`]),
    ...(input.scopes === undefined ? [] : [`scopes ${input.scopes.join(', ')}`]),
    ...(input.expires_in === undefined ? [] : ['a new expiry']),
    ...(input.ip_allow_list === undefined ? [] : ['other addresses']),
  ]
  return parts.length === 0 ? '' : `: ${parts.join('; ')}`
}
