import { LOG_LEVELS, type CommandBody, type LogEntry } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { deviceText, fenced, quoted } from '../../../kernel/content/device-text.ts'
import { defineTool, type RunContext } from '../../../kernel/tool.ts'
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
    'Reads the latest entries of an event log from one online device, now: system, security, kernel or package log, a unit, a Windows log; by level, time and text. Of an offline device: what it had sent by itself.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  asksDevices: true,
  deviceText: true,
  input,
  output: z.object({
    device: z.object({ id: z.string(), name: z.string() }),
    state: z
      .string()
      .describe('read: now, by command. sent_before: kept from what it sent. Otherwise why there are none.'),
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
    if (refusal) return { device: { id, name }, refusal, before: await sentBefore(context, id, input), sent: null }
    return {
      device: { id, name },
      refusal: null,
      before: null,
      sent: await sendCommands(context, targets, bodyOf(input), 0),
    }
  },
  async settle(context, { device, refusal, before, sent }) {
    if (sent === null) return { device, refusal, before, operation: null, result: null }
    const { operation, results } = await awaitCommands(context, sent)
    return { device, refusal, before, operation, result: results[0] ?? null }
  },
  present({ device, refusal, before, operation, result }, input) {
    const data = before ?? (result && dataOf(result, 'logs.read'))
    const reason = refusal?.reason ?? result?.reason ?? null
    const said = reason === null ? '' : `: ${result ? quoted(reason, 300) : reason}`
    const state = before ? 'sent_before' : (refusal?.kind ?? (data ? 'read' : (result?.state ?? 'unknown')))
    const shown = data ? bounded(data.entries) : []
    const more = data !== null && (data.more || shown.length < data.entries.length)
    const unread = `${device.name}: the ${input.log} log was not read (${refusal?.kind ?? state}${said}).`
    const head = before
      ? `${unread} What its watches had sent before: ${shown.length} entries.`
      : data
        ? `${device.name}, ${input.log} log: ${shown.length} entries.`
        : unread
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

/** Null where nothing that it sent is kept. */
async function sentBefore({ tx, services }: RunContext, deviceId: string, { log, level, since, text, limit }: Input) {
  const search = { log, level, text, limit, ...(since && { since: new Date(since) }) }
  const { entries, more, lastReceivedAt } = await services.eventLogs.latest(tx, deviceId, search)
  if (lastReceivedAt === null) return null
  return { source: `entries that matched a watch, the last of any log received ${lastReceivedAt}`, entries, more }
}

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
