import { z } from 'zod'
import { defineTool } from '../../kernel/tool.ts'
import { OWN_RIGHTS_PATH } from '../services/roles.ts'

/** Never run: it is declared so that the refusal is real on every surface. */
export default defineTool({
  name: 'change_own_rights',
  title: 'Change your own rights',
  description: 'Changing the roles or scopes that the caller itself acts with. Never run by anybody.',
  area: 'administration',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  actions: { tier: 4, permission: 'users.write', humanPath: OWN_RIGHTS_PATH },
  input: z.object({
    roles: z.array(z.string().max(200)).max(50).optional(),
    scopes: z.array(z.string().max(200)).max(50).optional(),
  }),
  output: z.object({}),
  run: async () => {
    throw new Error('a tier-4 action was let through')
  },
  present: () => ({ text: '', data: {} }),
})
