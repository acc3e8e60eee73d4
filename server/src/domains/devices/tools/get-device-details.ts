import { SECTION_NAMES } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { recentCommands } from '../../commands/reads.ts'
import { describeSection } from '../describe-section.ts'
import { deviceFields, presentDevice } from '../present.ts'
import { deviceId } from '../select.ts'

const CHOICES = [...SECTION_NAMES, 'commands'] as const

export default defineTool({
  name: 'get_device_details',
  title: 'Get device details',
  description:
    'Reads one device whole: identity, operating system, processor, memory, disks, network, presence and recent commands; sections narrows it. Each section tells its source, when it was collected, and why it is missing if it is. Reads only.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({
    device: z.string().min(1).max(255).describe('Id or name.'),
    sections: z.array(z.enum(CHOICES)).max(CHOICES.length).optional().describe('All unless given.'),
  }),
  output: z.object({
    ...deviceFields,
    simulated: z.boolean(),
    agent_version: z.string(),
    enrolled_at: z.string(),
    first_seen_at: z.string().nullable(),
    uptime_seconds: z.number().nullable(),
    cpu_percent: z.number().nullable(),
    memory_percent: z.number().nullable(),
    sections: z.array(
      z.object({
        name: z.string(),
        status: z.string(),
        source: z.string().nullable(),
        collected_at: z.string().nullable(),
        detail: z.string().nullable(),
        data: z.unknown().optional(),
      }),
    ),
    recent_commands: z
      .array(
        z.object({
          id: z.string(),
          operation: z.string(),
          type: z.string(),
          state: z.string(),
          issued_at: z.string(),
          exit_code: z.number().nullable(),
        }),
      )
      .optional(),
  }),
  async run({ tx, services }, input) {
    const wanted = input.sections ?? CHOICES
    const names = SECTION_NAMES.filter((name) => wanted.includes(name))
    const device = await services.devices.deviceDetails(tx, await deviceId(tx, input.device), names)
    if (!device) throw notFound('device', input.device)
    const commands = wanted.includes('commands') ? await recentCommands(tx, device.id, 10) : undefined
    return { device, names, commands }
  },
  present({ device, names, commands }) {
    const stored = new Map(device.sections.map((section) => [section.name, section]))
    const sections = names.map((name) => {
      const section = stored.get(name)
      if (!section)
        return {
          name,
          status: 'not_collected',
          source: null,
          collected_at: null,
          detail: 'The agent has not sent it yet.',
        }
      const { status, source, collectedAt, detail, data } = section
      return { name, status, source, collected_at: collectedAt, detail, ...(status === 'ok' && { data }) }
    })
    const head =
      `${device.name} (${device.organizationName}, ${device.siteName}): ${device.status}, ${device.role}, ${device.os ?? 'system unknown'}` +
      `${device.simulated ? ', simulated' : ''}. Last seen ${device.lastSeenAt ?? 'never'}.`
    const lines = sections.map((section) => {
      const said = 'data' in section ? describeSection(section.name, section.data) : null
      return `${section.name}: ${said ?? `not known (${section.status}${section.detail ? `: ${section.detail}` : ''})`}`
    })
    return {
      text: [head, ...lines].join('\n'),
      data: {
        ...presentDevice(device),
        simulated: device.simulated,
        agent_version: device.agentVersion,
        enrolled_at: device.enrolledAt,
        first_seen_at: device.firstSeenAt,
        uptime_seconds: device.heartbeat?.uptimeSeconds ?? null,
        cpu_percent: device.heartbeat?.cpuPercent ?? null,
        memory_percent: device.heartbeat?.memoryPercent ?? null,
        sections,
        ...(commands && {
          recent_commands: commands.map(({ id, operationId, type, state, issuedAt, exitCode }) => {
            return { id, operation: operationId, type, state, issued_at: issuedAt, exit_code: exitCode }
          }),
        }),
      },
    }
  },
})
