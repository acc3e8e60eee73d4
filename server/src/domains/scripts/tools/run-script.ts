import { SCRIPT_LANGUAGES, type CommandBody } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { organizationsOf } from '../../../kernel/blast-radius.ts'
import { defineTool, operationOf } from '../../../kernel/tool.ts'
import { asked, commandTargets, requireCapable, sendCommands } from '../../commands/acting.ts'
import { manyDevices, presentCommands } from '../../commands/answer.ts'
import { awaitCommands } from '../../commands/await.ts'
import { operationShape } from '../../commands/present.ts'
import { selectionFields } from '../../devices/select.ts'
import { contentDigest, insertRun } from '../service.ts'

const DAY_MINUTES = 24 * 60

const input = z.object({
  ...selectionFields,
  content: z.string().min(1).max(200_000).describe('The script itself.'),
  language: z.enum(SCRIPT_LANGUAGES).default('bash'),
  arguments: z.array(z.string().max(10_000)).max(64).default([]).describe('Passed as argv, never through a shell.'),
  run_as: z.string().min(1).max(64).optional().describe("A user of the device; without it, the agent's own."),
  working_directory: z.string().min(1).max(1000).optional().describe('An existing folder.'),
  timeout_seconds: z.number().int().min(1).max(3600).default(300),
  expires_in_minutes: z
    .number()
    .int()
    .min(1)
    .max(7 * DAY_MINUTES)
    .default(DAY_MINUTES)
    .describe('How long it waits for offline devices.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'run_script',
  title: 'Run a script',
  description:
    'Runs a script on one or many devices in parallel and waits up to 40 seconds for exit codes and output. Offline devices get it when they connect, until it expires. get_script_results reads longer runs, cancel_operation stops them.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 3, permission: 'scripts.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape.extend({ run: z.string() }),
  targets: (context, input) => commandTargets(context, input, asked(bodyOf(input), input.expires_in_minutes)),
  async plan(_, input, targets) {
    requireCapable(targets)
    const as = input.run_as === undefined ? '' : ` as ${input.run_as}`
    return {
      summary: `Run a ${input.language} script of ${input.content.length} characters${as} on ${manyDevices(targets.length)}, for at most ${input.timeout_seconds} seconds each.`,
      irreversible: ['What a script changes on a device is not undone by Breeze.'],
      binding: { content: contentDigest(input.content) },
    }
  },
  async run(context, input, targets) {
    const run = context.newId()
    await insertRun(context.tx, {
      id: run,
      partnerId: context.caller.partnerId,
      organizationIds: organizationsOf(targets),
      operation: operationOf(context),
      language: input.language,
      content: input.content,
      timeoutSeconds: input.timeout_seconds,
      now: context.now(),
    })
    return { run, sent: await sendCommands(context, targets, bodyOf(input), input.expires_in_minutes) }
  },
  settle: async (context, { run, sent }) => ({ run, settled: await awaitCommands(context, sent) }),
  present({ run, settled }) {
    const { text, data } = presentCommands('Script', settled, `read them with get_script_results, run ${run}.`)
    return { text, data: { ...data, run } }
  },
})

function bodyOf(input: Input): CommandBody {
  const { language, content, run_as: runAs, working_directory: workingDirectory } = input
  return {
    type: 'script.run',
    args: {
      language,
      content,
      arguments: input.arguments,
      timeoutSeconds: input.timeout_seconds,
      ...(runAs !== undefined && { runAs }),
      ...(workingDirectory !== undefined && { workingDirectory }),
    },
  }
}
