import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type RunContext } from '../../../kernel/tool.ts'
import { levelTargets, requireLevel, settingLevel, settingTarget } from '../../organizations/setting-level.ts'
import { presentRule, ruleLine, ruleShape } from '../deployment/present-rule.ts'
import { addRule, changeRule, deleteRule, findRule } from '../deployment/rule-rows.ts'
import { type PatchRule, ruleMatch } from '../deployment/rules.ts'

const PERMISSION = 'patches.write'
const PARTNER = 'A patch rule for every organization'

const input = z.object({
  action: z.enum(['create', 'update', 'delete']),
  rule: referenceField.optional().describe('Id or name; not for create.'),
  name: nameField.max(120).optional(),
  organization: referenceField.optional().describe('create: id or name; none: for every organization.'),
  decision: z.enum(['approve', 'block']).optional(),
  match: ruleMatch.optional().describe('Which updates; of each list one must fit. A * in names is any part.'),
  delay_days: z.number().int().min(0).max(365).optional().describe('approve: after the update is first seen.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_patch_rules',
  title: 'Manage patch rules',
  description:
    'Makes, changes or deletes a rule that approves updates, at once or after some days, or blocks them everywhere, such as a bad KB. A block wins. Counts for deployments that are begun from then on.',
  area: 'patches',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: PERMISSION },
      update: { tier: 2, permission: PERMISSION, idempotent: true },
      delete: { tier: 2, permission: PERMISSION, destructive: true },
    },
  },
  input,
  output: z.object({ rule: ruleShape }),
  async targets({ tx, caller }, input) {
    if (input.action !== 'create') {
      if (input.organization !== undefined) throw invalidInput('organization: a rule stays where it is.')
      return [settingTarget(await ownRule(tx, caller, input))]
    }
    if (input.name === undefined || input.decision === undefined) throw invalidInput('create: give name and decision.')
    return levelTargets(caller, await settingLevel(tx, caller, PERMISSION, input.organization, PARTNER))
  },
  plan: async (_, { action, name, decision }, [target]) => ({
    summary:
      action === 'create'
        ? `Make the patch rule "${name}", which ${decision}s, for ${target?.name ?? 'every organization'}.`
        : `${action === 'delete' ? 'Delete' : 'Change'} the patch rule "${target?.name}".`,
    irreversible: [],
  }),
  async run(context, input, [target]) {
    return { rule: await act(context, input, target?.organizationId ?? null), caller: context.caller }
  },
  present: ({ rule, caller }, { action }) => ({
    text: `${action === 'create' ? 'Made' : action === 'update' ? 'Changed' : 'Deleted'} ${ruleLine(rule)}.`,
    data: { rule: presentRule(rule, caller) },
  }),
})

async function act({ tx, caller, now, newId }: RunContext, input: Input, organizationId: string | null) {
  const change = { at: now(), by: caller.user.id }
  const { name, decision, match, delay_days: delayDays } = input
  if (input.action === 'create') {
    if (name === undefined || decision === undefined) throw new Error('a new rule has what targets asked for')
    const rule: PatchRule = {
      id: newId(),
      organizationId,
      name,
      decision,
      match: match ?? {},
      delayDays: delayDays ?? 0,
    }
    await addRule(tx, caller.partnerId, rule, change)
    return rule
  }
  const rule = await ownRule(tx, caller, input)
  if (input.action === 'delete') {
    await deleteRule(tx, rule.id)
    return rule
  }
  const changed = {
    ...rule,
    ...(name !== undefined && { name }),
    ...(decision !== undefined && { decision }),
    ...(match !== undefined && { match }),
    ...(delayDays !== undefined && { delayDays }),
  }
  await changeRule(tx, changed, change)
  return changed
}

async function ownRule(tx: Tx, caller: Caller, { rule: reference }: Input): Promise<PatchRule> {
  if (reference === undefined) throw invalidInput('rule: say which one, by id or name.')
  const rule = await findRule(tx, reference)
  requireLevel(caller, PERMISSION, rule.organizationId, PARTNER)
  return rule
}
