import { SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { organizationsOf } from '../../../kernel/blast-radius.ts'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import { leaveOut } from '../../../kernel/operations.ts'
import { defineTool, operationOf, type RunContext, type Target, type TransactionContext } from '../../../kernel/tool.ts'
import {
  asked,
  type CommandTarget,
  commandTargets,
  requireCapable,
  sendCommands,
  splitAble,
} from '../../commands/acting.ts'
import { manyDevices, presentCommands } from '../../commands/answer.ts'
import { awaitCommands } from '../../commands/await.ts'
import { operationShape } from '../../commands/present.ts'
import { type Selection, selectionFields } from '../../devices/select.ts'
import { awaitRollout, presentBegun } from '../../rollouts/await.ts'
import { onDevices, type PlannedStages, stagedRollout, stagesAsked, stagingFields } from '../../rollouts/staging.ts'
import { parameterValues, secretValues } from '../parameters.ts'
import { bodyOf, prepare, type Prepared, unsuited, valuesText } from '../prepare.ts'
import { SCRIPT_RUN, type ScriptTask } from '../rollout/task.ts'
import { undoOf } from '../rollout/undo.ts'
import { contentDigest, insertRun } from '../service.ts'

const DAY_MINUTES = 24 * 60

const input = z.object({
  ...selectionFields,
  script: referenceField.optional().describe('Library: id or name.'),
  version: z.number().int().min(1).optional(),
  content: z.string().min(1).max(200_000).optional().describe('Else its text.'),
  language: z.enum(SCRIPT_LANGUAGES).optional().describe('Of content; else bash.'),
  parameters: parameterValues.optional().describe('By name; environment variables PARAM_NAME.'),
  secrets: secretValues.optional().describe('Same, masked everywhere and not kept.'),
  arguments: z.array(z.string().max(10_000)).max(64).optional().describe('As argv, through no shell.'),
  run_as: z.string().min(1).max(64).optional(),
  working_directory: z.string().min(1).max(1000).optional(),
  timeout_seconds: z.number().int().min(1).max(3600).optional(),
  concurrency: z.number().int().min(1).max(1000).optional().describe('Devices at once.'),
  expires_in_minutes: z
    .number()
    .int()
    .min(1)
    .max(7 * DAY_MINUTES)
    .default(DAY_MINUTES)
    .describe('Wait for offline devices.'),
  retry_of: z.string().max(100).optional().describe('Run id: again where it failed; instead of script and devices.'),
  ...stagingFields,
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'run_script',
  title: 'Run a script',
  description:
    'Runs a library script, or text, on devices in parallel and waits up to 40 seconds for exit codes and output. Offline devices get it when they connect, until it expires. get_script_results reads longer runs, cancel_operation stops them.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 3, permission: 'scripts.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape.extend({ run: z.string() }),
  targets: async (context, input) => targetsOf(context, input, await prepare(context.tx, input)),
  async plan(context, input, targets) {
    requireCapable(targets)
    const prepared = await prepare(context.tx, input)
    const { run, source } = prepared
    const staged = await stagesOf(context, input, targets)
    const undo = staged ? await undoOf(context.tx, prepared) : null
    const as = run.runAs === null ? '' : ` as ${run.runAs}`
    const where = run.concurrency === null && !staged ? onDevices(targets.length) : manyDevices(targets.length)
    const limit = run.concurrency === null ? '' : `, ${run.concurrency} at once`
    return {
      summary: `Run ${nameOf(prepared)}${as} on ${where}${limit}, for at most ${run.timeoutSeconds} seconds each${valuesText(run)}${staged?.text ?? ''}.`,
      irreversible: [
        undo?.source
          ? `Undone is only what the script "${undo.source.script.name}" (version ${undo.source.version.version}) undoes.`
          : 'What a script changes on a device is not undone by Breeze.',
      ],
      ...(undo?.warning && { warnings: [undo.warning] }),
      binding: {
        content: contentDigest(run.content),
        ...(source && { script: source.script.id, version: source.version.digest }),
        ...(staged && { stages: staged.digest }),
        ...(undo?.source && { undo: undo.source.script.id, undoVersion: undo.source.version.digest }),
      },
    }
  },
  async run(context, input, targets) {
    const { tx, now, services } = context
    const prepared = await prepare(tx, input)
    const staged = await stagesOf(context, input, targets)
    const undo = staged ? (await undoOf(tx, prepared)).source : null
    const run = context.newId()
    await insertRun(tx, {
      ...prepared.run,
      id: run,
      partnerId: context.caller.partnerId,
      organizationIds: organizationsOf(targets),
      operation: operationOf(context),
      retryOf: prepared.retryOf?.id ?? null,
      undo: undo && { id: undo.script.id, version: undo.version.version },
      sealedSecrets: staged && services.scriptRollouts.seal(run, prepared.given.secrets),
      now: now(),
    })
    if (staged) return { kind: 'staged' as const, run, operation: await begin(context, input, targets, staged) }
    const sending = {
      isSecret: prepared.given.secretNames.length > 0,
      atOnce: prepared.run.concurrency ?? undefined,
    }
    const sent = await sendCommands(context, targets, bodyOf(prepared), input.expires_in_minutes, sending)
    return { kind: 'sent' as const, run, sent }
  },
  async settle(context, ran) {
    const { run } = ran
    if (ran.kind === 'staged') return { kind: ran.kind, run, view: await awaitRollout(context, ran.operation) }
    return { kind: ran.kind, run, settled: await awaitCommands(context, ran.sent) }
  },
  present(ended) {
    const { run } = ended
    const follow = `get_script_results, run ${run}`
    const { text, data } =
      ended.kind === 'staged'
        ? presentBegun(ended.view, `${follow}, reads what came of it; get_operation tells how it goes on.`)
        : presentCommands('Script', ended.settled, `read them with ${follow}.`)
    return { text, data: { ...data, run } }
  },
})

const stagesOf = ({ tx }: TransactionContext, input: Input, targets: readonly Target[]) =>
  stagesAsked(tx, input, splitAble(targets).able, input.expires_in_minutes)

async function begin(context: RunContext, input: Input, targets: readonly Target[], staged: PlannedStages) {
  const operation = operationOf(context)
  const { able, apart } = splitAble(targets)
  const task: ScriptTask = { waitMinutes: input.expires_in_minutes }
  const rollout = stagedRollout({ kind: SCRIPT_RUN, task }, staged, able, context.now())
  await context.services.rollouts.start(context, operation, rollout)
  if (apart.length > 0) await leaveOut(context.tx, operation, apart)
  return operation
}

async function targetsOf(context: TransactionContext, input: Input, prepared: Prepared): Promise<CommandTarget[]> {
  const { tx, services } = context
  const ask = asked(bodyOf(prepared), input.expires_in_minutes)
  const targets = await commandTargets(context, await selectionOf(context, input, prepared), ask)
  if (!prepared.source) return targets
  const ids = targets.map(({ id }) => id)
  const platforms = await services.devices.platforms(tx, ids)
  return targets.map((target) => {
    const reason = unsuited(prepared, target, platforms.get(target.id))
    return reason === undefined ? target : { ...target, refusal: { kind: 'unsupported', reason }, caveat: reason }
  })
}

async function selectionOf(
  { tx, services }: TransactionContext,
  input: Input,
  { retryOf }: Prepared,
): Promise<Selection> {
  const { devices, filter } = input
  if (!retryOf) return { devices, filter }
  if (devices !== undefined || filter !== undefined)
    throw invalidInput('retry_of: the devices are those where it failed.')
  const failed = await services.commands.failedDevices(tx, retryOf.operation)
  if (failed.length === 0)
    throw conflict(
      'That run failed, timed out or expired nowhere, as far as it has ended.',
      'There is nothing to do again.',
    )
  return { devices: failed }
}

function nameOf({ run, source, retryOf }: Prepared): string {
  const what = source
    ? `the script "${source.script.name}" (version ${source.version.version}, ${run.language})`
    : `a ${run.language} script of ${run.content.length} characters`
  return `${what}${retryOf ? ' again where it failed' : ''}`
}
