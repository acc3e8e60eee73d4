import { z } from 'zod'
import { asList } from '../../../identity/fields.ts'
import { fewOrganizations } from '../../../kernel/caller.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { filterFields, resolveFilter } from '../../devices/select.ts'
import { scoreOf } from '../../compliance/standing.ts'
import { type FleetHealth, fleetHealth, groupHealth } from '../parts.ts'
import { healthText } from '../present.ts'

const count = z.number().int()
const part = {
  health: count.nullable().describe('0 to 100; null: nothing is known.'),
  devices: z.object({ online: count, offline: count, pending: count, silent: count }),
  alerts: z.object({ critical: count, high: count, medium: count, low: count, info: count }).nullable(),
  patches: z.object({ up_to_date: count, missing: count, failed: count, unknown: count }).nullable(),
  compliance: z.number().nullable().describe('Score at the last look.'),
  reasons: z.array(z.string()),
}

export default defineTool({
  name: 'fleet_health_check',
  title: 'Fleet health check',
  description:
    'Tells how the fleet does, by organization, site or group, the worst first with the reasons in words: devices online, open alerts, patches, compliance, silent devices. Offline devices are not assessed; health is null where nothing is known. Backups are not assessed.',
  area: 'fleet',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({
    group_by: z.enum(['organization', 'site', 'group']).optional().describe('Site, where organizations are named.'),
    organization: filterFields.organization,
    site: filterFields.site,
    limit: z.number().int().min(1).max(200).default(25),
  }),
  output: z.object({
    ...part,
    groups: z.array(z.object({ id: z.string(), name: z.string(), organization: z.string().optional(), ...part })),
    total: count,
    not_assessed: z.array(z.string()),
  }),
  async run({ tx, caller, now }, input) {
    const named = await resolveFilter(tx, caller, { organization: input.organization, site: input.site })
    const isNarrow = input.organization !== undefined || input.site !== undefined
    const level = input.group_by ?? (isNarrow ? 'site' : 'organization')
    const filter = { organizationIds: named.organizationIds ?? fewOrganizations(caller), siteIds: named.siteIds }
    const { limit } = input
    const found =
      level === 'group'
        ? await groupHealth(tx, caller, now(), { filter, limit })
        : await fleetHealth(tx, caller, now(), { level, filter, limit })
    return { level, found }
  },
  present: ({ level, found }, { organization }) => ({
    text: healthText(found, level, asList(organization)?.join(', ') ?? 'The fleet'),
    data: {
      ...presentPart(found.whole),
      groups: found.parts.map((each) => ({
        id: each.id,
        name: each.name,
        ...(each.organization !== null && { organization: each.organization }),
        ...presentPart(each),
      })),
      total: found.total,
      not_assessed: NOT_ASSESSED,
    },
  }),
})

/** What a person would expect here and Breeze knows nothing of. */
const NOT_ASSESSED = ['backups']

const presentPart = ({ facts, health }: FleetHealth['whole']) => ({
  health: health.score,
  devices: { online: facts.online, offline: facts.offline, pending: facts.pending, silent: facts.silent },
  alerts: facts.alerts,
  patches: facts.patches,
  compliance: facts.compliance && scoreOf(facts.compliance.passed, facts.compliance.failed),
  reasons: health.reasons,
})
