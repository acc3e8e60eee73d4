import { LOG_LEVELS, type CommandBody, type LogEntry } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { deviceText, fenced, quoted } from '../../../kernel/content/device-text.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { asked, commandTarget, commandTargets, requireCapable, sendCommands } from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { dataOf } from '../../commands/data.ts'
import { logLines } from '../../commands/readable.ts'
import { OUTPUT_BUDGET } from '../../commands/present.ts'

const input = z.object({
  device: z.string().min(1).max(255).describe('Id or name.'),
  log: z
    .string()
    .min(1)
    .max(200)
    .default('system')
    .describe('system, security, kernel, packages, a unit, a Windows log.'),
  level: z.enum(LOG_LEVELS).optional().describe('This and the more severe ones.'),
  since: z.iso.datetime().optional().describe('UTC.'),
  text: z.string().min(1).max(200).optional().describe('Part of the message.'),
  limit: z.number().int().min(1).max(200).default(50),
})
type Input = z.output<typeof input>

const LONGEST_MESSAGE = 1000
/** Characters of an entry beside its message. */
const OVERHEAD = 80

export default defineTool({
  name: 'get_event_logs',
  title: 'Get event logs',
  description:
    'Reads the latest entries of an event log from one online device, now: system, security, kernel or package log, a unit, a Windows log; by level, time and text.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  asksDevices: true,
  deviceText: true,
  input,
  output: z.object({
    device: z.object({ id: z.string(), name: z.string() }),
    state: z.string().describe('read, or why there are no entries.'),
    reason: deviceText(500).nullable(),
    source: deviceText(200).nullable(),
    entries: z
      .array(
        z.object({
          at: z.string().nullable(),
          level: z.string().nullable(),
          source: deviceText(200),
          message: deviceText(LONGEST_MESSAGE),
        }),
      )
      .describe('Newest first.'),
    more: z.boolean().describe('Older ones match too.'),
    operation: z.string().optional(),
  }),
  targets: (context, input) => commandTargets(context, { devices: input.device }, asked(bodyOf(input), 0)),
  async run(context, input, targets) {
    requireCapable(targets)
    const [device] = targets.map(commandTarget)
    if (!device) throw new Error('one device was selected')
    const { id, name, refusal } = device
    // Not an error: that the device can't be asked is the answer.
    if (refusal) return { device: { id, name }, refusal, sent: null }
    return { device: { id, name }, refusal: null, sent: await sendCommands(context, targets, bodyOf(input), 0) }
  },
  async settle(context, { device, refusal, sent }) {
    if (sent === null) return { device, refusal, operation: null, result: null }
    const { operation, results } = await awaitCommands(context, sent)
    return { device, refusal, operation, result: results[0] ?? null }
  },
  present({ device, refusal, operation, result }, input) {
    const data = result && dataOf(result, 'logs.read')
    const reason = refusal?.reason ?? result?.reason ?? null
    const said = reason === null ? '' : `: ${result ? quoted(reason, 300) : reason}`
    const state = refusal?.kind ?? (data ? 'read' : (result?.state ?? 'unknown'))
    const shown = data ? bounded(data.entries) : []
    const more = data !== null && (data.more || shown.length < data.entries.length)
    const head = data
      ? `${device.name}, ${input.log} log: ${shown.length} entries.`
      : `${device.name}: the ${input.log} log was not read (${state}${said}).`
    return {
      text: data
        ? `${head}\n${fenced(`log of ${device.name}`, logLines({ ...data, entries: shown, more }), OUTPUT_BUDGET)}`
        : head,
      data: {
        device,
        state,
        reason,
        source: data?.source ?? null,
        entries: shown,
        more,
        ...(operation !== null && { operation }),
      },
    }
  },
})

const bodyOf = ({ log, level, since, text, limit }: Input): CommandBody => ({
  type: 'logs.read',
  args: { log, limit, ...(level && { level }), ...(since && { since }), ...(text && { contains: text }) },
})

/** The latest ones that fit into an answer. */
function bounded(entries: readonly LogEntry[]): LogEntry[] {
  const shown: LogEntry[] = []
  let left = OUTPUT_BUDGET / 2
  for (const entry of entries) {
    left -= Math.min(entry.message.length, LONGEST_MESSAGE) + OVERHEAD
    if (left < 0) break
    shown.push(entry)
  }
  return shown
}
