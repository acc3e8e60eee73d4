import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { asList, oneOrMany } from '../../../identity/fields.ts'
import { makeCursor, readCursor } from '../../../kernel/cursor.ts'
import { deviceText, fenced, quoted } from '../../../kernel/content/device-text.ts'
import { invalidInput, notFound } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { isStale } from '../freshness.ts'
import { deviceId } from '../select.ts'
import { type StoredServices, storedServices } from '../stored-services.ts'

const STATES = ['running', 'stopped', 'starting', 'stopping', 'failed', 'unknown'] as const

export default defineTool({
  name: 'list_services',
  title: 'List services',
  description:
    'Lists the services of one device with state, start type and manager as last reported; says when, or why they are not known.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({
    device: z.string().min(1).max(255).describe('Id or name.'),
    text: z.string().max(100).optional().describe('Part of the name.'),
    state: oneOrMany(z.enum(STATES)).optional(),
    limit: z.number().int().min(1).max(200).default(50),
    cursor: z.string().max(500).optional(),
  }),
  output: z.object({
    device: z.object({ id: z.string(), name: z.string() }),
    status: z.string(),
    detail: deviceText(500).nullable(),
    source: deviceText(200).nullable(),
    collected_at: z.string().nullable(),
    confirmed_at: z.string().nullable(),
    services: z.array(
      z.object({
        name: deviceText(256),
        display_name: deviceText(300).nullable(),
        state: z.string(),
        start: z.string(),
        manager: z.string(),
        pid: z.number().nullable(),
      }),
    ),
    counts: z.record(z.string(), z.number()),
    total: z.number().int(),
    next_cursor: z.string().optional(),
  }),
  async run({ tx, services, now }, input) {
    const id = await deviceId(tx, input.device)
    const stored = await storedServices(tx, services.devices, id)
    if (!stored) throw notFound('device', input.device)
    const filter = { id, text: input.text, state: input.state }
    const after = input.cursor === undefined ? '' : lastName(readCursor('services', filter, input.cursor))
    const matching = matches(stored.services, input.text, asList(input.state)).toSorted(byName)
    const rest = matching.filter(({ name }) => name > after)
    const page = rest.slice(0, input.limit)
    const last = page.at(-1)
    const cursor = rest.length > page.length && last ? makeCursor('services', filter, [last.name]) : null
    return { stored, matching, page, cursor, now: now() }
  },
  present({ stored, matching, page, cursor, now }) {
    const counts: Record<string, number> = {}
    for (const { state } of matching) counts[state] = (counts[state] ?? 0) + 1
    return {
      text: [
        headline(stored, counts, now),
        ...(page.length > 0 ? [fenced(`services of ${stored.device.name}`, page.map(line).join('\n'), LONGEST)] : []),
        ...(cursor ? ['Pass next_cursor as cursor for the next page.'] : []),
      ].join('\n'),
      data: {
        device: stored.device,
        status: statusOf(stored, now),
        detail: stored.detail,
        source: stored.source,
        collected_at: stored.collectedAt,
        confirmed_at: stored.confirmedAt,
        services: page.map(({ displayName, ...one }) => ({ ...one, display_name: displayName })),
        counts,
        total: matching.length,
        ...(cursor && { next_cursor: cursor }),
      },
    }
  },
})

const LONGEST = 20_000

function headline(stored: StoredServices, counts: Record<string, number>, now: Date): string {
  const { name } = stored.device
  if (stored.status !== 'ok' || stored.confirmedAt === null) {
    const why = stored.detail === null ? '' : `, the device says: ${quoted(stored.detail, 300)}`
    return `${name}: its services are not known (${stored.status.replace('_', ' ')}${why}).`
  }
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0)
  const states = Object.entries(counts).map(([state, n]) => `${n} ${state}`)
  const said = states.length > 0 ? ` (${states.join(', ')})` : ''
  const stale = statusOf(stored, now) === 'stale' ? ' (stale)' : ''
  return `${name}: ${total} services${said}, as of ${stored.confirmedAt}, ${ageText(now, stored.confirmedAt)} ago${stale}.`
}

const statusOf = ({ status, confirmedAt }: StoredServices, now: Date): string =>
  status === 'ok' && confirmedAt !== null && isStale('services', new Date(confirmedAt), now) ? 'stale' : status

function line({ name, displayName, state, start }: ServiceItem): string {
  const shown = displayName === null || displayName === name ? '' : ` (${displayName})`
  return `${name}${shown}: ${state}, ${start}`
}

function matches(services: readonly ServiceItem[], text: string | undefined, states: string[] | undefined) {
  const wanted = text?.toLowerCase()
  return services.filter(
    ({ name, displayName, state }) =>
      (states === undefined || states.includes(state)) &&
      (wanted === undefined || `${name}\n${displayName ?? ''}`.toLowerCase().includes(wanted)),
  )
}

const byName = (a: ServiceItem, b: ServiceItem): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

function lastName([name]: readonly (string | number | null)[]): string {
  if (typeof name !== 'string') throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
  return name
}

function ageText(now: Date, at: string): string {
  const minutes = Math.max(0, Math.round((now.getTime() - Date.parse(at)) / 60_000))
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`
}
