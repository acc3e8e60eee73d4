import { LOG_LEVELS, type CommandBody, type CommandType } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { invalidInput, notFound } from '../../../kernel/errors.ts'
import { deviceData } from '../../../kernel/content/device-text.ts'
import { defineTool, type TransactionContext } from '../../../kernel/tool.ts'
import { asked, commandTargets, requireCapable, sendCommands, SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { presentCommands } from '../../commands/answer.ts'
import { operationShape, withoutOutput } from '../../commands/present.ts'
import { deviceId } from '../select.ts'
import type { Platform } from '../tables.ts'

const SHELLS = ['bash', 'sh', 'powershell', 'cmd'] as const
type Shell = (typeof SHELLS)[number]
const PRESETS = ['event_logs', 'processes', 'network'] as const

const input = z.object({
  device: z.string().min(1).max(255).describe('Id or name.'),
  command: z.string().min(1).max(10_000).optional().describe('One command line.'),
  shell: z.enum(SHELLS).optional().describe('bash (else sh) on Linux and macOS, powershell on Windows, unless given.'),
  timeout_seconds: z.number().int().min(1).max(3600).default(60),
  preset: z.enum(PRESETS).optional().describe('Instead of command; these only read.'),
  lines: z.number().int().min(1).max(500).default(50).describe('Entries or processes of a preset.'),
  log: z.string().min(1).max(200).default('system').describe('Of event_logs.'),
  level: z.enum(LOG_LEVELS).optional().describe('Of event_logs: this and the more severe ones.'),
  text: z.string().min(1).max(200).optional().describe('Part of the message or process name.'),
  sort: z.enum(['cpu', 'memory']).default('cpu').describe('Of processes.'),
  target: z.string().min(1).max(255).optional().describe('Of network: host to reach; else the server.'),
  port: z.number().int().min(1).max(65_535).optional().describe('Of network.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'execute_command',
  title: 'Execute a command',
  description:
    'Runs one command line on one device and answers with exit code and output, or reads a preset: event-log lines, processes, network checks. run_script is for many devices. An offline device gets it only if it connects within 15 minutes.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 3, permission: 'devices.execute', destructive: true, idempotent: false },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape.extend({
    shell: z.string().optional(),
    data: deviceData().optional(),
  }),
  async targets(context, input) {
    const body = await bodyFor(context, input)
    return commandTargets(context, { devices: input.device }, asked(body, waitFor(input)))
  },
  async plan(context, input, targets) {
    requireCapable(targets)
    const body = await bodyFor(context, input)
    const on = targets[0]?.name ?? input.device
    if (body.type !== 'script.run') return { summary: `Read ${WORDS[body.type]} of ${on}.`, irreversible: [] }
    return {
      summary: `Run a ${body.args.language} command on ${on}, for at most ${input.timeout_seconds} seconds.`,
      irreversible: ['What a command changes on a device is not undone by Breeze.'],
      binding: { shell: body.args.language },
    }
  },
  async run(context, input, targets) {
    const body = await bodyFor(context, input)
    const sent = await sendCommands(context, targets, body, waitFor(input))
    return { sent, shell: body.type === 'script.run' ? body.args.language : null }
  },
  settle: async (context, { sent, shell }) => ({ shell, settled: await awaitCommands(context, sent) }),
  present({ shell, settled }, input) {
    const { text, data } = presentCommands(input.preset ?? `${shell} command`, settled)
    const found = input.preset === undefined ? null : settled.results[0]?.data
    if (shell !== null) return { text, data: { ...data, shell } }
    // Told once: the text is for those who get nothing else.
    return { text, data: found ? { ...data, devices: data.devices.map(withoutOutput), data: found } : data }
  },
})

const WORDS: Partial<Record<CommandType, string>> = {
  'logs.read': 'the event log',
  'processes.list': 'the processes',
  'network.diagnose': 'the network',
}

/** What only reads is of no use later. */
const waitFor = (input: Input): number => (input.preset === undefined ? SHORT_WAIT_MINUTES : 0)

async function bodyFor(context: TransactionContext, input: Input): Promise<CommandBody> {
  const { preset, command, lines, text, level } = input
  if ((preset === undefined) === (command === undefined)) {
    throw invalidInput('Give either command or preset.', 'A preset is one of: event_logs, processes, network.')
  }
  const contains = text === undefined ? {} : { contains: text }
  if (preset === 'event_logs')
    return { type: 'logs.read', args: { log: input.log, limit: lines, ...(level && { level }), ...contains } }
  if (preset === 'processes') return { type: 'processes.list', args: { sort: input.sort, limit: lines, ...contains } }
  if (preset === 'network') {
    const { target, port } = input
    return { type: 'network.diagnose', args: { ...(target && { target }), ...(port && { port }) } }
  }
  const language = input.shell ?? (await defaultShell(context, input.device))
  const timeoutSeconds = input.timeout_seconds
  return { type: 'script.run', args: { language, content: command ?? '', arguments: [], timeoutSeconds } }
}

const SHELL: Record<Platform, Shell> = { linux: 'bash', macos: 'bash', windows: 'powershell' }

async function defaultShell({ tx, services }: TransactionContext, wanted: string): Promise<Shell> {
  const found = await services.devices.findDevice(tx, await deviceId(tx, wanted))
  if (found.match !== 'one') throw notFound('device', wanted)
  const { id, platform } = found.device
  const usual = SHELL[platform]
  if (usual !== 'bash') return usual
  const without = await services.devices.incapable(tx, [id], ['script.bash'])
  return without.has(id) ? 'sh' : 'bash'
}
