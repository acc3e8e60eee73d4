import { z } from 'zod'
import { fewOrganizations, organizationsAlso } from '../../../kernel/caller.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { type OpenAlerts, readableAlerts } from '../../alerts/counts.ts'
import type { DeviceList } from '../list.ts'
import { deviceFields, presentDevice } from '../present.ts'
import { filterFields, resolveFilter } from '../select.ts'

const output = z.object({
  devices: z.array(
    z.object({
      ...deviceFields,
      open_alerts: z.number().int().nullable().describe('Null: not yours to read.'),
      worst_alert: z.string().optional(),
    }),
  ),
  counts: z.object({ online: z.number().int(), offline: z.number().int(), pending: z.number().int() }).nullable(),
  offline_sites: z.array(z.object({ id: z.string(), name: z.string(), offline: z.number().int() })).optional(),
  total: z.number().int(),
  total_is_lower_bound: z.boolean().optional(),
  next_cursor: z.string().optional(),
})

export default defineTool({
  name: 'list_devices',
  title: 'List devices',
  description:
    'Lists devices with status, role and system, by filters. Always tells the total and the counts by status of all that match, and where most of the offline ones are: limit 0 answers these alone.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({
    ...filterFields,
    sort: z.enum(['name', 'last_seen', 'worst_alert']).default('name'),
    descending: z.boolean().default(false),
    limit: z.number().int().min(0).max(200).default(25),
    cursor: z.string().max(2000).optional(),
  }),
  output,
  async run({ tx, caller, services }, input) {
    const named = await resolveFilter(tx, caller, input)
    const filter = {
      ...named,
      // Row-level security says the same; named, the few organizations of a narrow caller are found by their index.
      organizationIds: named.organizationIds ?? fewOrganizations(caller),
    }
    const list = await services.devices.listDevices(tx, filter, {
      ...input,
      alertsOf:
        input.sort === 'worst_alert' ? [...organizationsAlso(caller, 'devices.read', 'alerts.read')] : undefined,
    })
    return {
      ...list,
      devices: list.devices.map((device) => ({ ...device, alerts: readableAlerts(caller, device, device.alerts) })),
    }
  },
  present(list) {
    const { counts } = list
    const where = offlineText(list)
    const summary = counts
      ? `: ${counts.online} online, ${counts.offline} offline${where}, ${counts.pending} pending`
      : ''
    const lines = list.devices.slice(0, 25).map((device) => {
      const system = device.os ? `, ${device.os}` : ''
      const alerts = alertsText(device.alerts)
      return `${device.name} (${device.organizationName}, ${device.siteName}): ${device.status}, ${device.role}${system}${alerts}`
    })
    const more = list.cursor ? [`Pass next_cursor as cursor for the next page.`] : []
    return {
      text: [
        `${list.totalIsLowerBound ? 'More than ' : ''}${list.total} device${list.total === 1 ? '' : 's'}${summary}.`,
        ...lines,
        ...more,
      ].join('\n'),
      data: {
        devices: list.devices.map((device) => {
          const { count = null, worst = null } = device.alerts ?? {}
          return { ...presentDevice(device), open_alerts: count, ...(worst && { worst_alert: worst }) }
        }),
        counts,
        ...(list.offlineSites.length > 0 && { offline_sites: list.offlineSites }),
        total: list.total,
        ...(list.totalIsLowerBound && { total_is_lower_bound: true }),
        ...(list.cursor && { next_cursor: list.cursor }),
      },
    }
  },
})

/** One device needs no summary. */
function offlineText({ offlineSites, counts }: Pick<DeviceList, 'offlineSites' | 'counts'>): string {
  const offline = counts?.offline ?? 0
  if (offline < 2 || offlineSites.length === 0) return ''
  const named = offlineSites.reduce((sum, site) => sum + site.offline, 0)
  const places = offlineSites.map((site) => `${site.offline} at ${site.name}`)
  return ` (${[...places, ...(named < offline ? [`${offline - named} elsewhere`] : [])].join(', ')})`
}

const alertsText = (alerts: OpenAlerts | null): string =>
  alerts?.worst ? `, ${alerts.count} alert${alerts.count === 1 ? '' : 's'}, worst ${alerts.worst}` : ''
