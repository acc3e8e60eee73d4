import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization, organizationTarget, requirePartnerLevel } from '../../organizations/service.ts'
import { layered, type OwnRules, rulesShape, type RulesChange } from '../rules.ts'

const { shape } = rulesShape
const fields = {
  allowed_administrators: shape.allowedAdministrators,
  patch_days: shape.patchDays,
  reboot_days: shape.rebootDays,
  definitions_days: shape.definitionsDays,
  screen_lock_minutes: shape.screenLockMinutes,
  dormant_days: shape.dormantDays,
  reporting_days: shape.reportingDays,
  server_stale_hours: shape.serverStaleHours,
  workstation_stale_days: shape.workstationStaleDays,
}
const FIELDS = {
  allowed_administrators: 'allowedAdministrators',
  patch_days: 'patchDays',
  reboot_days: 'rebootDays',
  definitions_days: 'definitionsDays',
  screen_lock_minutes: 'screenLockMinutes',
  dormant_days: 'dormantDays',
  reporting_days: 'reportingDays',
  server_stale_hours: 'serverStaleHours',
  workstation_stale_days: 'workstationStaleDays',
} as const satisfies Record<keyof typeof fields, keyof OwnRules>
type Field = keyof typeof fields
// Object.keys forgets the keys' type.
const NAMES = Object.keys(FIELDS) as Field[]

const input = z.object({
  action: z.enum(['get', 'set']),
  organization: referenceField.optional().describe('Id or name; none: all that have no value of their own.'),
  allowed_administrators: fields.allowed_administrators
    .nullable()
    .optional()
    .describe('Names of accounts besides root; null goes back to the general value, as for the others.'),
  patch_days: fields.patch_days.nullable().optional(),
  reboot_days: fields.reboot_days.nullable().optional(),
  definitions_days: fields.definitions_days.nullable().optional(),
  screen_lock_minutes: fields.screen_lock_minutes.nullable().optional(),
  dormant_days: fields.dormant_days.nullable().optional(),
  reporting_days: fields.reporting_days.nullable().optional(),
  server_stale_hours: fields.server_stale_hours.nullable().optional(),
  workstation_stale_days: fields.workstation_stale_days.nullable().optional(),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_compliance_settings',
  title: 'Manage compliance settings',
  description:
    'Shows or sets the limits by which compliance checks judge, and who may be a local administrator, for an organization or for all. Devices are judged anew within moments of a change.',
  area: 'compliance',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      get: { tier: 1, permission: 'compliance.read' },
      set: { tier: 2, permission: 'compliance.write', idempotent: true },
    },
  },
  input,
  output: z.object({
    organization: z.object({ id: z.string(), name: z.string() }).nullable(),
    effective: z
      .object({ ...fields, allowed_administrators: fields.allowed_administrators.nullable() })
      .describe('In force.'),
    own: z.object(fields).partial().describe('Set at this level.'),
  }),
  async targets({ tx, caller }, asked) {
    const organization = await levelOf(tx, caller, asked)
    if (asked.action === 'set' && Object.keys(changeOf(asked)).length === 0)
      throw invalidInput('Say what to set.', 'Give at least one of the settings.')
    return organization ? [organizationTarget(organization)] : []
  },
  plan: async (_, asked, targets) => ({
    summary: `Set ${NAMES.filter((name) => asked[name] !== undefined)
      .map((name) => `${name} to ${shown(asked[name])}`)
      .join(', ')} for ${targets[0]?.name ?? 'every organization without values of its own'}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, newId, services }, asked) {
    const organization = await levelOf(tx, caller, asked)
    const { policies } = services.compliance
    const level = { partnerId: caller.partnerId, organizationId: organization?.id ?? null }
    if (asked.action === 'get') return { organization, changed: null, ...policies.at(level) }
    const by = { id: newId(), user: caller.user.id, at: now() }
    const own = await policies.changeRules(tx, level, changeOf(asked), by)
    const general = level.organizationId === null ? {} : policies.at({ ...level, organizationId: null }).own
    return { organization, changed: level, own, effective: layered(general, own) }
  },
  async settle({ services }, ran) {
    if (ran.changed) await services.compliance.rulesChanged(ran.changed)
    return ran
  },
  present({ organization, own, effective }, { action }) {
    const of = organization?.name ?? 'every organization without values of its own'
    const named = Object.fromEntries(NAMES.map((name) => [name, effective[FIELDS[name]]]))
    return {
      text: `${action === 'set' ? 'Set' : 'The settings'} for ${of}: ${NAMES.map((name) => `${name} ${shown(effective[FIELDS[name]])}`).join(', ')}.`,
      data: {
        organization,
        // Every field is set from the one of the same meaning; the loop over names can't say so.
        effective: named as z.input<z.ZodObject<typeof fields>>,
        own: Object.fromEntries(
          NAMES.flatMap((name) => (own[FIELDS[name]] === undefined ? [] : [[name, own[FIELDS[name]]]])),
        ),
      },
    }
  },
})

/** The organization, or null for the partner's own level. */
async function levelOf(tx: Tx, caller: Caller, asked: Input): Promise<{ id: string; name: string } | null> {
  const permission = asked.action === 'set' ? 'compliance.write' : 'compliance.read'
  if (asked.organization === undefined) {
    requirePartnerLevel(caller, permission, 'A setting for every organization')
    return null
  }
  const { id, name } = await findOrganization(tx, caller, permission, asked.organization)
  return { id, name }
}

/** Only what was given: null takes a value away, absence leaves it. */
const changeOf = (asked: Input): RulesChange =>
  Object.fromEntries(NAMES.flatMap((name) => (asked[name] === undefined ? [] : [[FIELDS[name], asked[name]]])))

const shown = (value: unknown): string =>
  value === null || value === undefined ? 'not set' : Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
