import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'

/** Its only action is never run through Breeze: it is declared so that the refusal is real on every surface. */
export default defineTool({
  name: 'manage_organization',
  title: 'Manage an organization',
  description: 'Deleting an organization with all it holds. Never run by an assistant, a key, a script or a schedule.',
  area: 'administration',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      delete: {
        tier: 4,
        permission: 'organizations.write',
        destructive: true,
        humanPath:
          'Only a Partner Admin can delete an organization, in person and after signing in again; this version has no page for it yet. update_organization can switch its assistants off.',
      },
    },
  },
  input: z.object({ action: z.enum(['delete']), organization: referenceField.optional() }),
  output: z.object({}),
  run: async () => {
    throw new Error('a tier-4 action was let through')
  },
  present: () => ({ text: '', data: {} }),
})
