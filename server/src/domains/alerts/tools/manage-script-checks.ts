import { type CommandBody, SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import { defineTool, operationOf, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import { deviceScope } from '../../devices/scope.ts'
import { levelTargets, requireLevel, settingLevel } from '../../organizations/setting-level.ts'
import { bodyOf, prepare } from '../../scripts/prepare.ts'
import { contentDigest } from '../../scripts/service.ts'
import { readBody, saveCheck } from '../checks/rows.ts'
import { devicesInScope } from '../checks/targets.ts'
import { counted } from '../engine/describe.ts'
import { presentRule, ruleLine, ruleShape } from '../present-rule.ts'
import { readCondition, readRuleInput, ruleInput } from '../rule-input.ts'
import { addRule, changeRule, findRule, isNameTaken, type StoredRule } from '../rule-settings.ts'
import { checkFields, type Condition } from '../rules.ts'

const PERMISSION = 'scripts.execute'
const PARTNER = 'A script check for every organization'
/** Each device is sent it with each round. */
const MOST_CHARACTERS = 50_000
const USUAL = { timeout_seconds: 60, interval_minutes: 60 }

const input = z.object({
  action: z.enum(['create', 'update', 'enable']),
  rule: referenceField.optional().describe('Id or name; not for create.'),
  organization: referenceField.optional().describe('create: id or name; none: for every organization.'),
  ...ruleInput.omit({ source: true, condition: true }).shape,
  name: nameField.max(120).optional(),
  script: referenceField.optional().describe('Library: id or name; the version that it has now.'),
  content: z.string().min(1).max(MOST_CHARACTERS).optional().describe('Else its text.'),
  language: z.enum(SCRIPT_LANGUAGES).optional().describe('Of content; else bash.'),
  timeout_seconds: checkFields.timeout_seconds.optional(),
  interval_minutes: checkFields.interval_minutes.optional(),
  exit_codes: checkFields.exit_codes.describe('These fail; without them and output, every one but 0.'),
  output: checkFields.output.describe('Fails where a line holds this; * is anything.'),
})
type Input = z.output<typeof input>

const act = { tier: 3, permission: PERMISSION, destructive: true } as const

export default defineTool({
  name: 'manage_script_checks',
  title: 'Manage script checks',
  description:
    'Makes or changes an alert rule that runs a script on its devices again and again and alarms where it fails; enable takes one up again. The rounds are an act of whoever saved it last and end with their rights. manage_alert_rules disables and deletes it.',
  area: 'alerts',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  byArea: true,
  actions: {
    field: 'action',
    each: { create: act, update: { ...act, idempotent: true }, enable: { ...act, idempotent: true } },
  },
  input,
  output: z.object({ rule: ruleShape, state: z.string() }),
  async targets(context, input) {
    const { place, rule, level, values, script } = await read(context, input)
    const scope = deviceScope.parse(values.scope ?? rule?.scope ?? {})
    return [...place, ...(await devicesInScope(context.tx, scope, level, script.os))]
  },
  async plan(context, input, targets) {
    const { rule, values, script } = await read(context, input)
    const condition = (values.condition ?? rule?.condition) as Condition<'script_check'>
    const devices = targets.filter(({ kind }) => kind === 'device').length
    const what = condition.script
      ? `the script "${condition.script.name}" (version ${condition.script.version}, ${condition.language})`
      : `a ${condition.language} script of ${script.body.args.content.length} characters`
    return {
      summary: `Run ${what} every ${condition.interval_minutes} minutes on what is in the scope of the alert rule "${values.name ?? rule?.name}", ${counted(devices, 'device')} now, for at most ${condition.timeout_seconds} seconds each, with your rights.`,
      irreversible: ['What a script changes on a device is not undone by Breeze.'],
      warnings: ['Devices that come into its scope later run it as well'],
      binding: { script: condition.digest, rule: String(rule?.version ?? 0) },
    }
  },
  async run(context, input) {
    return { rule: await save(context, input), caller: context.caller }
  },
  present: ({ rule, caller }, { action }) => ({
    text: `The script check is ${DONE[action]}. ${ruleLine(rule, caller)}.`,
    data: { rule: presentRule(rule, caller), state: DONE[action] },
  }),
})

const DONE: Record<Input['action'], string> = { create: 'created', update: 'updated', enable: 'enabled' }

type ScriptBody = Extract<CommandBody, { type: 'script.run' }>
interface Script {
  body: ScriptBody
  os: string[]
}

/** What a call comes to: the rule that there is, what changes about it, and what is run from then on. */
async function read({ tx, caller }: TransactionContext, input: Input) {
  const rule = input.action === 'create' ? null : await ownRule(tx, caller, input)
  const level = rule ? rule.organization_id : await settingLevel(tx, caller, PERMISSION, input.organization, PARTNER)
  // Both what runs scripts and what raises alerts is asked for.
  requireLevel(caller, 'monitoring.write', level, PARTNER)
  if (!rule) {
    if (input.rule !== undefined) throw invalidInput('rule: create takes a name.')
    if (input.name === undefined || input.severity === undefined)
      throw invalidInput('create: give name, severity and a script.')
  }
  if (input.action === 'enable') requireOnly(input)
  const before = rule ? await readBody(tx, rule.id) : null
  const given = await givenScript(tx, input, level, before)
  const script = given ?? scriptOf(before)
  const values = {
    ...(await readRuleInput(tx, caller, input, { signal: 'script_check', organizationId: level })),
    condition: conditionOf(input, rule?.condition as Condition<'script_check'> | undefined, script, given),
  }
  const place = levelTargets(caller, level).map(
    // Devices may come into its scope later: also where there is none now, a person is asked.
    (target): Target => ({
      ...target,
      critical: 'runs a script again and again',
      ...(rule && { kind: 'setting', id: rule.id, name: rule.name }),
    }),
  )
  return { rule, level, values, script, place }
}

async function ownRule(tx: TransactionContext['tx'], caller: Caller, { rule, organization }: Input) {
  if (rule === undefined) throw invalidInput('rule: say which.')
  if (organization !== undefined) throw invalidInput('organization: a rule stays where it is.')
  const found = await findRule(tx, caller, rule)
  requireLevel(caller, PERMISSION, found.organization_id, PARTNER)
  if (found.signal !== 'script_check')
    throw conflict(`"${found.name}" watches ${found.signal} and runs no script.`, 'Change it with manage_alert_rules.')
  return found
}

function requireOnly({ action: _action, rule: _rule, ...more }: Input): void {
  const [first] = Object.entries(more).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (first !== undefined) throw invalidInput(`${first}: enable takes the rule only; update changes and enables it.`)
}

interface Given extends Script {
  named: Condition<'script_check'>['script']
}

/** Null: the script stays as it is. */
async function givenScript(
  tx: TransactionContext['tx'],
  { script, content, language, timeout_seconds: timeout }: Input,
  level: string | null,
  before: { body: CommandBody; os: string[] } | null,
): Promise<Given | null> {
  if (script === undefined && content === undefined) {
    if (language !== undefined) throw invalidInput('language: belongs to content.')
    if (!before) throw invalidInput('Give script or content.')
    return null
  }
  const prepared = await prepare(tx, { script, content, language, timeout_seconds: timeout ?? USUAL.timeout_seconds })
  const body = bodyOf(prepared)
  if (body.type !== 'script.run') throw new Error('a script is run')
  if (body.args.content.length > MOST_CHARACTERS)
    throw invalidInput(`script: a check runs at most ${MOST_CHARACTERS} characters.`)
  const of = prepared.source?.script.organizationId ?? null
  if (of !== null && of !== level) throw invalidInput('script: it belongs to an organization that the rule is not of.')
  return { body, os: [...(prepared.source?.version.os ?? [])], named: prepared.run.script }
}

function scriptOf(before: { body: CommandBody; os: string[] } | null): Script {
  if (before?.body.type !== 'script.run') throw conflict('The rule has lost its script.', 'Give script or content.')
  return { body: before.body, os: before.os }
}

function conditionOf(
  input: Input,
  before: Condition<'script_check'> | undefined,
  { body }: Script,
  given: Given | null,
): unknown {
  const { timeout_seconds: timeout, interval_minutes: interval, exit_codes: codes, output } = input
  const { exit_codes: codesBefore, output: outputBefore, ...rest } = before ?? {}
  const isAsked = codes !== undefined || output !== undefined
  return readCondition('script_check', {
    ...USUAL,
    ...rest,
    // What counts as failing is said as a whole.
    ...(!isAsked && codesBefore && { exit_codes: codesBefore }),
    ...(!isAsked && outputBefore !== undefined && { output: outputBefore }),
    language: body.args.language,
    script: given ? given.named : (before?.script ?? null),
    digest: contentDigest(body.args.content),
    ...(timeout !== undefined && { timeout_seconds: timeout }),
    ...(interval !== undefined && { interval_minutes: interval }),
    ...(codes && { exit_codes: codes }),
    ...(output !== undefined && { output }),
  })
}

async function save(context: RunContext, input: Input): Promise<StoredRule> {
  const { tx, caller, now, newId } = context
  const { rule, level, values, script } = await read(context, input)
  const change = { at: now(), by: caller.user.id }
  const { name, severity = 'high' } = values
  if (name !== undefined && name !== rule?.name && (await isNameTaken(tx, caller.partnerId, level, name)))
    throw conflict(`There is an alert rule called "${name}" already.`, 'Change that one, or choose another name.')
  const id = rule?.id ?? newId()
  if (rule) await changeRule(tx, rule, { ...values, enabled: true }, change)
  else {
    const whole = { ...NEW, ...values, name: name ?? '', severity, id, partnerId: caller.partnerId }
    await addRule(tx, { ...whole, organizationId: level, signal: 'script_check' }, change)
  }
  const { timeout_seconds: timeoutSeconds } = values.condition as Condition<'script_check'>
  const body: ScriptBody = { ...script.body, args: { ...script.body.args, timeoutSeconds } }
  const saved = {
    rule: { id, organizationId: level },
    operation: operationOf(context),
    script: { body, os: script.os },
  }
  await saveCheck(tx, caller, saved)
  return findRule(tx, caller, id)
}

const NEW = {
  scope: {},
  fire_after_seconds: 0,
  clear_after_seconds: 300,
  auto_resolve: true,
  notify: true,
  enabled: true,
}
