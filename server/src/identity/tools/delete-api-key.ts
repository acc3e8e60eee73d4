import { z } from 'zod'
import { defineTool } from '../../kernel/tool.ts'
import { referenceField } from '../fields.ts'
import { deleteKey, findKey, keyTargets } from '../services/api-keys.ts'
import '../services/credentials.ts'

export default defineTool({
  name: 'delete_api_key',
  title: 'Delete an API key',
  description:
    'Ends a key at once: its next call is refused and its open streams are cut. Use it when a key leaked or is no longer needed.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'keys.write', destructive: true },
  input: z.object({ key: referenceField.describe('Id or name.') }),
  output: z.object({ id: z.string(), name: z.string(), state: z.literal('deleted') }),
  targets: async ({ tx, caller, now }, input) =>
    keyTargets(caller, await findKey(tx, caller, 'keys.write', input.key, now())),
  plan: async (_, __, targets) => ({
    summary: `Delete the key "${targets[0]?.name}".`,
    irreversible: ['A deleted key cannot be brought back.'],
  }),
  async run({ tx, caller, now, services }, input) {
    const key = await findKey(tx, caller, 'keys.write', input.key, now())
    await deleteKey(tx, key.id, now())
    tx.afterCommit(() => services.credentials.revoked([key.id]))
    return { id: key.id, name: key.name, state: 'deleted' as const }
  },
  present: (gone) => ({ text: `The key "${gone.name}" is deleted and no longer opens anything.`, data: gone }),
})
