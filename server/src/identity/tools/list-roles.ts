import { z } from 'zod'
import { defineTool } from '../../kernel/tool.ts'
import { loadRoles } from '../services/roles.ts'

export default defineTool({
  name: 'list_roles',
  title: 'List roles',
  description:
    'Lists the roles that a user can hold, what each permits, and whether it is held in organizations or over all of them. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'users.read' },
  // Roles are the same for everybody, and few: there is nothing to filter and no second page.
  input: z.object({}),
  output: z.object({
    roles: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        level: z.enum(['partner', 'organization']),
        admin: z.boolean(),
        permissions: z.array(z.string()),
      }),
    ),
    total: z.number().int(),
  }),
  run: async ({ tx }) => loadRoles(tx),
  present: (roles) => ({
    text: [`${roles.length} roles.`, ...roles.map((role) => `${role.name} (${role.id}): ${role.level}`)].join('\n'),
    data: {
      roles: roles.map(({ id, name, level, admin, permissions }) => ({ id, name, level, admin, permissions })),
      total: roles.length,
    },
  }),
})
