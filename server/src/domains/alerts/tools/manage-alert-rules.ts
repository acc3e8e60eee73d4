import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import { conflict, invalidInput, notFound } from '../../../kernel/errors.ts'
import { defineTool, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import { levelTargets, requireLevel, settingLevel, settingTarget } from '../../organizations/setting-level.ts'
import { requirePartnerLevel } from '../../organizations/service.ts'
import { presentRule, ruleLine, ruleShape } from '../present-rule.ts'
import { readRuleInput, ruleInput } from '../rule-input.ts'
import {
  addRule,
  changeRule,
  defaultRule,
  deleteRule,
  findRule,
  isNameTaken,
  restoreRule,
  type StoredRule,
} from '../rule-settings.ts'

const PERMISSION = 'monitoring.write'
const PARTNER = 'A rule for every organization'

const input = ruleInput.extend({
  action: z.enum(['create', 'update', 'enable', 'disable', 'delete', 'restore']),
  rule: referenceField.optional().describe('Id or name; not for create.'),
  organization: referenceField.optional().describe('create: id or name; none: for every organization.'),
})
type Input = z.output<typeof input>

const setting = { tier: 2, permission: PERMISSION } as const

export default defineTool({
  name: 'manage_alert_rules',
  title: 'Manage alert rules',
  description:
    'Creates, changes, switches on or off and deletes what raises alerts; restore brings a rule that comes with Breeze back as it was. The change holds within seconds. Alerts of a rule that is gone or off close by themselves.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: {
    field: 'action',
    each: {
      create: setting,
      update: { ...setting, idempotent: true },
      enable: { ...setting, idempotent: true },
      disable: { ...setting, idempotent: true },
      delete: { ...setting, destructive: true },
      restore: { ...setting, destructive: true, idempotent: true },
    },
  },
  input,
  output: z.object({ rule: ruleShape, state: z.string() }),
  targets: targetsOf,
  plan: async (_, { action, rule, name }) => ({
    summary: `${action === 'create' ? `Create the alert rule "${name}"` : `Have the alert rule "${rule}" ${DONE[action]}`}.`,
    irreversible:
      action === 'delete'
        ? ['A rule of your own has to be made anew; one that comes with Breeze can be restored.']
        : [],
    warnings: action === 'restore' ? ['Whatever was changed about it is lost.'] : [],
  }),
  async run(context, input) {
    return { rule: await act(context, input), caller: context.caller }
  },
  present: ({ rule, caller }, { action }) => ({
    text: `The alert rule is ${DONE[action]}. ${ruleLine(rule, caller)}.`,
    data: { rule: presentRule(rule, caller), state: DONE[action] },
  }),
})

const DONE: Record<Input['action'], string> = {
  create: 'created',
  update: 'updated',
  enable: 'enabled',
  disable: 'disabled',
  delete: 'deleted',
  restore: 'restored',
}

async function targetsOf({ tx, caller }: TransactionContext, input: Input): Promise<Target[]> {
  if (input.action === 'create') {
    if (input.rule !== undefined) throw invalidInput('rule: create takes a name.')
    const { name, source, condition, severity } = input
    if (source === 'script_check') throw runsScript()
    if (name === undefined || source === undefined || condition === undefined || severity === undefined)
      throw invalidInput('create: give name, source, condition and severity.')
    return levelTargets(caller, await settingLevel(tx, caller, PERMISSION, input.organization, PARTNER))
  }
  if (input.organization !== undefined) throw invalidInput('organization: a rule stays where it is.')
  if (input.source !== undefined) throw invalidInput('source: what a rule watches stays.', 'Create another rule.')
  if (input.action === 'restore') {
    requirePartnerLevel(caller, PERMISSION, 'A rule that comes with Breeze')
    return []
  }
  const rule = await ownRule({ tx, caller }, input)
  if (rule.signal === 'script_check' && (input.action === 'update' || input.action === 'enable')) throw runsScript()
  return targetsAt(rule)
}

/** Whatever lets a script run is confirmed there. */
const runsScript = () =>
  invalidInput('A rule that runs a script is made, changed and enabled elsewhere.', 'Use manage_script_checks.')

const targetsAt = ({ id, name, organization_id: organizationId }: StoredRule): Target[] =>
  organizationId === null ? [] : [settingTarget({ id, name, organizationId })]

type Reach = { tx: TransactionContext['tx']; caller: Caller }

async function ownRule({ tx, caller }: Reach, { rule }: Input): Promise<StoredRule> {
  if (rule === undefined) throw invalidInput('rule: say which.')
  const found = await findRule(tx, caller, rule)
  requireLevel(caller, PERMISSION, found.organization_id, PARTNER)
  return found
}

async function act(context: RunContext, input: Input): Promise<StoredRule> {
  const { tx, caller, now } = context
  const change = { at: now(), by: caller.user.id }
  switch (input.action) {
    case 'create':
      return create(context, input)
    case 'restore':
      return restore(context, input)
    case 'delete': {
      const rule = await ownRule(context, input)
      await deleteRule(tx, rule.id)
      return rule
    }
    case 'enable':
    case 'disable': {
      const rule = await ownRule(context, input)
      const enabled = input.action === 'enable'
      if (rule.enabled !== enabled) await changeRule(tx, rule, { enabled }, change)
      return { ...rule, enabled }
    }
    case 'update': {
      const rule = await ownRule(context, input)
      const of = { signal: rule.signal, organizationId: rule.organization_id }
      const values = await readRuleInput(tx, caller, input, of)
      if (Object.keys(values).length === 0) throw invalidInput('update: say what to change.')
      if (values.name !== undefined && values.name !== rule.name)
        await requireFreeName(context, values.name, of.organizationId)
      await changeRule(tx, rule, values, change)
      return { ...rule, ...values }
    }
  }
}

async function create({ tx, caller, now, newId }: RunContext, input: Input): Promise<StoredRule> {
  const organizationId = await settingLevel(tx, caller, PERMISSION, input.organization, PARTNER)
  const of = { signal: input.source ?? '', organizationId }
  const { name = '', severity = 'high', ...given } = await readRuleInput(tx, caller, input, of)
  await requireFreeName({ tx, caller }, name, of.organizationId)
  const values = {
    condition: {},
    scope: {},
    fire_after_seconds: 0,
    clear_after_seconds: 300,
    auto_resolve: true,
    notify: true,
    enabled: true,
    ...given,
  }
  const place = { id: newId(), partnerId: caller.partnerId, ...of }
  await addRule(tx, { ...values, name, severity, ...place }, { at: now(), by: caller.user.id })
  return findRule(tx, caller, place.id)
}

async function restore({ tx, caller, now, newId }: RunContext, { rule }: Input): Promise<StoredRule> {
  if (rule === undefined) throw invalidInput('rule: say which.')
  const known = defaultRule(rule) ?? defaultRule((await findRule(tx, caller, rule)).built_in ?? '')
  if (!known) throw notFound('rule that comes with Breeze', rule)
  return restoreRule(tx, known, caller.partnerId, { now, newId }, caller.user.id)
}

/** Two of one name could be told apart by their ids only. */
async function requireFreeName({ tx, caller }: Reach, name: string, organizationId: string | null): Promise<void> {
  if (await isNameTaken(tx, caller.partnerId, organizationId, name))
    throw conflict(`There is an alert rule called "${name}" already.`, 'Change that one, or choose another name.')
}
