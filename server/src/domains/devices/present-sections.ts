/** Inventory sections in an answer: each with where it comes from and how old it is, and none longer than a page. */
import type { SectionName } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { deviceData, deviceText, fenced } from '../../kernel/content/device-text.ts'
import { isStale } from './freshness.ts'
import { describeSection } from './describe-section.ts'
import type { DeviceSection } from './service.ts'

export const sectionShape = z.object({
  name: z.string(),
  status: z.string(),
  source: deviceText(200).nullable(),
  collected_at: z.string().nullable(),
  confirmed_at: z.string().optional().describe('Until when it is known to be true; stale: too long ago.'),
  detail: deviceText(500).nullable(),
  data: deviceData().optional(),
  left_out: z.number().int().optional().describe('Items of its lists that are not in data.'),
})
export type ShownSection = z.infer<typeof sectionShape>

/** `most` items of each list; software is not among them, because its packages have pages of their own. */
export function presentSection(
  name: SectionName,
  stored: DeviceSection | undefined,
  most: number,
  now: Date,
): ShownSection {
  if (!stored) return { name, status: 'not_collected', source: null, collected_at: null, detail: null }
  const { source, collectedAt, confirmedAt, detail } = stored
  const status = statusAt(name, stored, now)
  const about = { name, status, source, collected_at: collectedAt, confirmed_at: confirmedAt, detail }
  if (stored.status !== 'ok' || name === 'software') return about
  const { data, leftOut } = bounded(settled(name, stored), most)
  return { ...about, data, ...(leftOut > 0 && { left_out: leftOut }) }
}

/** What was read, and is too old to count on, says so; what could not be read says why, however long ago. */
export const statusAt = (name: SectionName, { status, confirmedAt }: DeviceSection, now: Date): string =>
  status === 'ok' && isStale(name, new Date(confirmedAt), now) ? 'stale' : status

/** These move all the time: no report is sent for them, so that they are as old as the last one. */
const MOVING: Partial<Record<SectionName, readonly string[]>> = {
  memory: ['availableBytes', 'swapFreeBytes'],
  disks: ['usedBytes', 'availableBytes'],
}
const MOVED_AFTER_MS = 3_600_000

function settled(name: SectionName, { data, collectedAt, confirmedAt }: DeviceSection): unknown {
  const moving = MOVING[name]
  if (!moving || Date.parse(confirmedAt) - Date.parse(collectedAt) < MOVED_AFTER_MS) return data
  const without = (item: unknown): unknown =>
    item === null || typeof item !== 'object'
      ? item
      : Object.fromEntries(Object.entries(item).filter(([key]) => !moving.includes(key)))
  return Array.isArray(data) ? data.map(without) : without(data)
}

function bounded(data: unknown, most: number): { data: unknown; leftOut: number } {
  if (Array.isArray(data)) return { data: data.slice(0, most), leftOut: Math.max(0, data.length - most) }
  if (data === null || typeof data !== 'object') return { data, leftOut: 0 }
  let leftOut = 0
  const fields = Object.entries(data).map(([key, value]: [string, unknown]) => {
    if (!Array.isArray(value)) return [key, value]
    leftOut += Math.max(0, value.length - most)
    return [key, value.slice(0, most)]
  })
  return { data: Object.fromEntries(fields), leftOut }
}

const LONGEST = 12_000

/** One line for each section, in words of the device's. */
export function sectionsText(
  device: string,
  names: readonly SectionName[],
  stored: ReadonlyMap<string, DeviceSection>,
  now: Date,
) {
  if (names.length === 0) return []
  const lines = names.map((name) => `${name}: ${said(name, stored.get(name), now)}`)
  return [fenced(`inventory of ${device}`, lines.join('\n'), LONGEST)]
}

function said(name: SectionName, section: DeviceSection | undefined, now: Date): string {
  if (!section) return 'not known (the agent has not sent it yet)'
  const text = section.status === 'ok' ? describeSection(name, section.data) : null
  if (text !== null && statusAt(name, section, now) === 'stale') return `as of ${section.confirmedAt}, stale: ${text}`
  return text ?? `not known (${section.status}${section.detail ? `: ${section.detail}` : ''})`
}
