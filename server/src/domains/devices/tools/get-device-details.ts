import { SECTION_NAMES } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { holdsAt } from '../../../kernel/caller.ts'
import { deviceData, deviceText, fenced } from '../../../kernel/content/device-text.ts'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { alertsOfDevice, alertsText } from '../../alerts/of-device.ts'
import { alertShape, presentAlert } from '../../alerts/present.ts'
import { recentCommands } from '../../commands/reads.ts'
import { latestText, metricsSection } from '../../metrics/present-latest.ts'
import { presentResult, resultsText, shownResults } from '../../compliance/present.ts'
import { fieldsOf } from '../custom-fields.ts'
import { JUDGED, judgedSections, judgedText, shownJudged } from '../judged-sections.ts'
import { deviceState, presentState, stateFields, stateLines } from '../device-state.ts'
import { changesShape, changesText, presentChanges } from '../present-changes.ts'
import { presentSection, sectionShape, sectionsText } from '../present-sections.ts'
import { deviceFields, presentDevice } from '../present.ts'
import { deviceId } from '../select.ts'
import type { DeviceSoftware } from '../software-list.ts'

const CHOICES = [...SECTION_NAMES, ...JUDGED, 'metrics', 'alerts', 'changes', 'compliance', 'commands'] as const
/** Items of each list: of everything at once a few, of what was asked for by name a page. */
const FEW = 20
const PAGE = 200

export default defineTool({
  name: 'get_device_details',
  title: 'Get device details',
  description:
    'Reads one device whole. Each section tells its age, or why it is missing. Sections narrows it and shows longer lists.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  deviceText: true,
  input: z.object({
    device: z.string().min(1).max(255).describe('Id or name.'),
    sections: z.array(z.enum(CHOICES)).max(CHOICES.length).optional().describe('All, in short, unless given.'),
    software_text: z.string().max(100).optional().describe('Part of the name or publisher.'),
    software_limit: z.number().int().min(1).max(200).default(FEW),
    software_cursor: z.string().max(2000).optional(),
    changes_since: z.iso.datetime().optional(),
    changes_limit: z.number().int().min(1).max(200).default(FEW),
    changes_cursor: z.string().max(2000).optional(),
  }),
  output: z.object({
    ...deviceFields,
    custom_fields: z
      .array(z.object({ name: z.string(), type: z.string(), value: z.union([z.string(), z.number(), z.boolean()]) }))
      .optional(),
    ...stateFields,
    simulated: z.boolean(),
    agent_version: z.string(),
    enrolled_at: z.string(),
    first_seen_at: z.string().nullable(),
    uptime_seconds: z.number().nullable(),
    cpu_percent: z.number().nullable(),
    memory_percent: z.number().nullable(),
    sections: z.array(sectionShape),
    software: z
      .object({
        packages: z.array(
          z.object({
            source: z.string(),
            name: deviceText(300),
            version: deviceText(200),
            architecture: deviceText(40),
            publisher: deviceText(200).nullable(),
            installed_at: z.string().nullable(),
          }),
        ),
        total: z.number().int(),
        next_cursor: z.string().optional(),
      })
      .optional(),
    open_alerts: z.number().int().nullable().describe('Null: not yours to read.'),
    alerts: z.array(alertShape).optional(),
    changes: changesShape.optional(),
    compliance: deviceData().optional(),
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
  async run({ tx, caller, services, now }, input) {
    const wanted = input.sections ?? CHOICES
    const names = SECTION_NAMES.filter((name) => wanted.includes(name))
    const device = await services.devices.deviceDetails(tx, await deviceId(tx, input.device), names)
    if (!device) throw notFound('device', input.device)
    const state = await deviceState(tx, device.id)
    const page = { limit: input.software_limit, text: input.software_text, cursor: input.software_cursor }
    const software = names.includes('software') ? await services.devices.software(tx, device.id, page) : undefined
    const metrics = wanted.includes('metrics') ? await services.metrics.latest(tx, device.id) : undefined
    const items = input.sections === undefined ? FEW : PAGE
    const judged = await judgedSections({ tx, caller, services, wanted, device, most: items })
    const checked = wanted.includes('compliance') && holdsAt(caller, 'compliance.read', device)
    const compliance = checked ? await services.compliance.ofDevice(tx, device.id) : undefined
    const commands = wanted.includes('commands') ? await recentCommands(tx, device.id, 10) : undefined
    const since = input.changes_since === undefined ? undefined : new Date(input.changes_since)
    const history = { since, limit: input.changes_limit, cursor: input.changes_cursor }
    const changes = wanted.includes('changes') ? await services.devices.changes(tx, device.id, history) : undefined
    const fields = await fieldsOf(tx, device.id)
    const open = await alertsOfDevice(tx, caller, device, wanted.includes('alerts') ? items : 0)
    return { device, state, at: now(), names, software, judged, metrics, open, changes, compliance, commands, fields }
  },
  present({ device, state, at, names, software, judged, metrics, open, changes, compliance, commands, fields }, input) {
    const stored = new Map(device.sections.map((section) => [section.name, section]))
    const most = input.sections === undefined ? FEW : PAGE
    const head =
      `${device.name} (${device.organizationName}, ${device.siteName}): ${[device.status, ...device.conditions].join(', ')}, ${device.role}, ${device.os ?? 'system unknown'}` +
      `${device.simulated ? ', simulated' : ''}. Last seen ${device.lastSeenAt ?? 'never'}.`
    // In the short form its line among the sections, which counts the packages, is enough.
    const packages = software && input.sections !== undefined ? softwareText(device.name, software) : []
    return {
      text: [
        head,
        ...stateLines(state, at),
        ...alertsText(open),
        ...sectionsText(device.name, names, stored, at),
        ...judgedText(device.name, judged, input.sections !== undefined),
        ...(metrics === undefined ? [] : [latestText(metrics)]),
        ...(compliance ? resultsText(device.name, compliance, input.sections !== undefined) : []),
        ...packages,
        ...(changes ? changesText(device.name, changes) : []),
      ].join('\n'),
      data: {
        ...presentDevice(device),
        ...(fields.length > 0 && { custom_fields: fields }),
        ...presentState(state),
        simulated: device.simulated,
        agent_version: device.agentVersion,
        enrolled_at: device.enrolledAt,
        first_seen_at: device.firstSeenAt,
        uptime_seconds: device.heartbeat?.uptimeSeconds ?? null,
        cpu_percent: device.heartbeat?.cpuPercent ?? null,
        memory_percent: device.heartbeat?.memoryPercent ?? null,
        sections: [
          ...names.map((name) => presentSection(name, stored.get(name), most, at)),
          ...shownJudged(judged),
          ...(metrics === undefined ? [] : [metricsSection(metrics)]),
        ],
        ...(software && { software: softwareData(software) }),
        open_alerts: open.count,
        ...(open.alerts.length > 0 && { alerts: open.alerts.map(presentAlert) }),
        ...(changes && { changes: presentChanges(changes, most) }),
        ...(compliance && { compliance: shownResults(compliance, input.sections !== undefined).map(presentResult) }),
        ...(commands && {
          recent_commands: commands.map(({ id, operationId, type, state, issuedAt, exitCode }) => {
            return { id, operation: operationId, type, state, issued_at: issuedAt, exit_code: exitCode }
          }),
        }),
      },
    }
  },
})

const softwareData = ({ items, total, cursor }: DeviceSoftware) => ({
  packages: items.map(({ source, name, version, architecture, publisher, installedAt }) => {
    return { source, name, version, architecture, publisher, installed_at: installedAt }
  }),
  total,
  ...(cursor !== null && { next_cursor: cursor }),
})

const LONGEST = 12_000

function softwareText(device: string, { items, total, cursor }: DeviceSoftware): string[] {
  if (items.length === 0) return []
  const lines = items.map(({ name, version, source }) => `${name} ${version} (${source})`)
  const more = cursor === null ? [] : ['Pass software.next_cursor as software_cursor for the next page.']
  return [fenced(`${items.length} of ${total} packages of ${device}`, lines.join('\n'), LONGEST), ...more]
}
