import { z } from 'zod'
import { organizationsOf } from '../../../kernel/blast-radius.ts'
import { defineTool, operationOf, type Target } from '../../../kernel/tool.ts'
import { awaitCommands } from '../../commands/await.ts'
import { countsByState, countsText, liveState, operationShape, resultText } from '../../commands/present.ts'
import { placeOf, selectionFields, selectTargets } from '../../devices/select.ts'
import { contentDigest, insertRun } from '../service.ts'

const DAY_MINUTES = 24 * 60

export default defineTool({
  name: 'run_script',
  title: 'Run a script',
  description:
    'Runs Bash, Python or PowerShell on one or many devices in parallel and waits up to 40 seconds for exit codes and output. Offline devices get it when they connect, until it expires. Longer runs continue: get_script_results reads them.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 3, permission: 'scripts.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input: z.object({
    ...selectionFields,
    content: z.string().min(1).max(200_000).describe('The script itself.'),
    language: z.enum(['bash', 'python', 'powershell']).default('bash'),
    arguments: z.array(z.string().max(10_000)).max(64).default([]).describe('Passed as argv, never through a shell.'),
    timeout_seconds: z.number().int().min(1).max(3600).default(300),
    expires_in_minutes: z
      .number()
      .int()
      .min(1)
      .max(7 * DAY_MINUTES)
      .default(DAY_MINUTES)
      .describe('How long it waits for offline devices.'),
  }),
  output: operationShape,
  targets: ({ tx, caller }, input) => selectTargets(tx, caller, input),
  plan: async (_, input, targets) => ({
    summary: `Run a ${input.language} script of ${input.content.length} characters on ${countOf(targets)}, for at most ${input.timeout_seconds} seconds each.`,
    irreversible: ['What a script changes on a device is not undone by Breeze.'],
    binding: { content: contentDigest(input.content) },
  }),
  async run(context, input, targets) {
    const operation = operationOf(context)
    const run = context.newId()
    const now = context.now()
    const organizationIds = organizationsOf(targets)
    await insertRun(context.tx, {
      id: run,
      partnerId: context.caller.partnerId,
      organizationIds,
      operation,
      language: input.language,
      content: input.content,
      timeoutSeconds: input.timeout_seconds,
      now,
    })
    await context.services.commands.queue(context.tx, now, {
      operationId: operation,
      devices: targets.map(placeOf),
      body: {
        type: 'script.run',
        args: {
          language: input.language,
          content: input.content,
          arguments: input.arguments,
          timeoutSeconds: input.timeout_seconds,
        },
      },
      expiresAt: new Date(now.getTime() + input.expires_in_minutes * 60_000),
      newId: context.newId,
    })
    return { operation, run, reachable: targets.filter((target) => target.caveat === undefined).length }
  },
  settle: async (context, { operation, run, reachable }) => ({
    run,
    ...(await awaitCommands(context, operation, reachable)),
  }),
  present({ run, operation, progress, devices }) {
    const state = liveState('running', progress)
    const unfinished = progress.total - progress.finished
    return {
      text: [
        `Script on ${progress.total} device${progress.total === 1 ? '' : 's'}: ${countsText(progress)}.`,
        ...devices.slice(0, 20).map(resultText),
        ...(unfinished > 0 ? [`${unfinished} not finished; read them with get_script_results, run ${run}.`] : []),
      ].join('\n'),
      data: { operation, run, state, devices, total: progress.total, counts: countsByState(progress) },
    }
  },
})

const countOf = (targets: readonly Target[]): string => `${targets.length} device${targets.length === 1 ? '' : 's'}`
