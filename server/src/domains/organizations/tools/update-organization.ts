import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import { isDelegated } from '../../../kernel/caller.ts'
import { forbidden } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import {
  type ApprovalSettings,
  approvalSettings,
  changeOrganization,
  findOrganization,
  organizationTarget,
  requirePartnerLevel,
} from '../service.ts'

export default defineTool({
  name: 'update_organization',
  title: 'Change an organization',
  description:
    'Renames an organization, switches assistants on or off for it, or sets when a second person must approve a call and how long a request waits. Takes effect with the next call.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'organizations.write', idempotent: true },
  input: z.object({
    organization: referenceField.describe('Id or name.'),
    name: nameField.optional().describe('The new name.'),
    assistants_enabled: z.boolean().optional().describe('Off takes it out of the reach of every key and grant.'),
    approval_limit: z.number().int().min(1).max(1_000_000).optional().describe('Devices one call may touch without.'),
    approval_hours: z.number().int().min(1).max(720).optional().describe('How long a request waits.'),
    requester_may_decide: z.boolean().optional().describe('For those who work alone: whoever asked may approve.'),
    untrusted_minutes: z
      .number()
      .int()
      .min(0)
      .max(1440)
      .optional()
      .describe('For so long after a key or grant read what a device wrote, its tier 3 calls need approval; 0: off.'),
  }),
  output: z.object({
    id: z.string(),
    name: z.string(),
    assistants_enabled: z.boolean(),
    approval_limit: z.number().int(),
    approval_hours: z.number().int(),
    requester_may_decide: z.boolean(),
    untrusted_minutes: z.number().int().describe('0: off.'),
  }),
  async targets({ tx, caller }, input) {
    requirePartnerLevel(caller, 'organizations.write', 'Changing organizations')
    return [organizationTarget(await findOrganization(tx, caller, 'organizations.write', input.organization))]
  },
  plan: async (_, input, targets) => ({ summary: `${changes(input)} for ${targets[0]?.name}.`, irreversible: [] }),
  async run({ tx, caller }, input) {
    const before = await findOrganization(tx, caller, 'organizations.write', input.organization)
    const settings = await approvalSettings(tx, before.id)
    if (isDelegated(caller.credential) && loosens(settings, input))
      throw forbidden("A key can't loosen what bounds it.", 'Do it in person, at the console or the server.')
    const { organization: _, untrusted_minutes: minutes, ...rest } = input
    const asked = { ...rest, ...(minutes !== undefined && { untrusted_minutes: minutes === 0 ? null : minutes }) }
    const change = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as typeof asked
    if (Object.keys(change).length > 0) await changeOrganization(tx, before.id, change as Change)
    const now = await approvalSettings(tx, before.id)
    return {
      id: before.id,
      name: input.name ?? before.name,
      assistants_enabled: input.assistants_enabled ?? before.assistantsEnabled,
      ...now,
      untrusted_minutes: now.untrusted_minutes ?? 0,
    }
  },
  present: (now) => ({
    text: `${now.name}: assistants ${now.assistants_enabled ? 'on' : 'off'}, approval above ${now.approval_limit} devices.`,
    data: now,
  }),
})

type Change = Parameters<typeof changeOrganization>[2]
type Asked = { [Key in keyof ApprovalSettings]?: ApprovalSettings[Key] | undefined }

/** Longer waiting loosens nothing: a request is decided by a person whenever that is. */
function loosens(now: ApprovalSettings, asked: Asked): boolean {
  const {
    approval_limit: limit = now.approval_limit,
    requester_may_decide: own = false,
    untrusted_minutes: after,
  } = asked
  const shorter = after !== undefined && after !== null && after < (now.untrusted_minutes ?? 0)
  return limit > now.approval_limit || (own && !now.requester_may_decide) || shorter
}

function changes(input: {
  name?: string | undefined
  assistants_enabled?: boolean | undefined
  approval_limit?: number | undefined
  approval_hours?: number | undefined
  requester_may_decide?: boolean | undefined
  untrusted_minutes?: number | undefined
}): string {
  const { requester_may_decide: own, untrusted_minutes: after } = input
  const parts = [
    ...(input.name === undefined ? [] : [`set the name to "${input.name}"`]),
    ...(input.assistants_enabled === undefined ? [] : [`switch assistants ${input.assistants_enabled ? 'on' : 'off'}`]),
    ...(input.approval_limit === undefined ? [] : [`ask for approval above ${input.approval_limit} devices`]),
    ...(input.approval_hours === undefined ? [] : [`let requests wait ${input.approval_hours} hours`]),
    ...(own === undefined ? [] : [own ? 'let requesters approve their own' : 'let only others approve']),
    ...(after === undefined
      ? []
      : [
          after === 0
            ? 'ignore what was read of devices'
            : `ask for approval ${after} minutes after reading of devices`,
        ]),
  ]
  const text = parts.length === 0 ? 'change nothing' : parts.join(', ')
  return text[0]?.toUpperCase() + text.slice(1)
}
