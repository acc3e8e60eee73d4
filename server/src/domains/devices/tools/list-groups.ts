import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { listGroups } from '../groups.ts'
import { levelShown } from '../../organizations/setting-level.ts'

const place = z.object({ id: z.string(), name: z.string() })

export default defineTool({
  name: 'list_groups',
  title: 'List device groups',
  description:
    'Lists groups of devices by name, with how many of their devices you see. A group has members that were put into it, or those that match its filter. list_devices and tools that act take a group as a filter.',
  area: 'devices',
  byArea: true,
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'monitoring.read' },
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    text: z.string().max(100).optional().describe('Part of the name.'),
    ...listInput,
  }),
  output: z.object({
    groups: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        organization: place.nullable().describe('Null: of the partner, for devices of every organization.'),
        devices: z.number().int(),
        filter: z.record(z.string(), z.unknown()).nullable().describe('Null: its members were put into it.'),
      }),
    ),
    ...listOutput,
  }),
  async run({ tx, caller }, input) {
    const organizationIds =
      input.organization === undefined
        ? undefined
        : [(await findOrganization(tx, caller, 'monitoring.read', input.organization)).id]
    const filter = { organizationIds, text: input.text }
    const after = pageStart('groups', filter, input.cursor)
    const { groups, members, counted, next } = await listGroups(tx, { ...filter, limit: input.limit, after })
    return {
      rows: groups.map(({ id, name, organizationId, filter: saved }) => ({
        id,
        name,
        organization: levelShown(caller, organizationId),
        devices: members.get(id) ?? 0,
        filter: saved,
      })),
      page: pageEnd('groups', filter, counted, next),
    }
  },
  present: ({ rows, page }) => ({
    text: [
      `${page.total} group${page.total === 1 ? '' : 's'}.`,
      ...rows.map(({ name, organization, devices, filter }) => {
        return `${name} (${organization?.name ?? 'every organization'}): ${devices} devices, ${filter ? 'by filter' : 'put together by hand'}`
      }),
    ].join('\n'),
    data: { groups: rows, ...page },
  }),
})
