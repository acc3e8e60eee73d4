import { z } from 'zod'
import { defineTool } from '../../kernel/tool.ts'
import { listClients } from '../client-list.ts'

const client = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['known', 'registered', 'document']),
  verified: z.boolean(),
  host: z.string().nullable().describe('Who vouches for the name; null when nobody does.'),
  grants: z.number().int().describe('Those alive that you see.'),
  users: z.number().int(),
  first_seen_at: z.string(),
  last_authorized_at: z.string().nullable(),
  blocked: z.boolean(),
  blocked_at: z.string().nullable(),
  block_reason: z.string().nullable(),
})

export default defineTool({
  name: 'list_clients',
  title: 'List OAuth programs',
  description:
    'Lists the programs that people let in by OAuth, with the number of living grants and whether a program is blocked. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'users.read' },
  input: z.object({ blocked: z.boolean().optional().describe('Only those that are blocked, or are not.') }),
  output: z.object({ clients: z.array(client), total: z.number().int() }),
  run: async ({ tx, caller, now }, input) =>
    (await listClients(tx, caller, now())).filter(
      (row) => input.blocked === undefined || (row.blocked_at !== null) === input.blocked,
    ),
  present: (rows) => ({
    text: [
      `${rows.length} programs.`,
      ...rows.map((row) => `${row.name} (${row.id}): ${row.grants} grants${row.blocked_at ? ', blocked' : ''}`),
    ].join('\n'),
    data: {
      clients: rows.map((row) => ({
        id: row.id,
        name: row.name,
        kind: row.kind,
        verified: row.host !== null,
        host: row.host,
        grants: row.grants,
        users: row.users,
        first_seen_at: row.created_at.toISOString(),
        last_authorized_at: row.last_used_at?.toISOString() ?? null,
        blocked: row.blocked_at !== null,
        blocked_at: row.blocked_at?.toISOString() ?? null,
        block_reason: row.block_reason,
      })),
      total: rows.length,
    },
  }),
})
