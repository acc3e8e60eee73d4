/** Inventory sections in an answer: each with where it comes from and how old it is, and none longer than a page. */
import type { SectionName } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { deviceData, deviceText, fenced } from '../../kernel/content/device-text.ts'
import { describeSection } from './describe-section.ts'
import type { DeviceSection } from './service.ts'

export const sectionShape = z.object({
  name: z.string(),
  status: z.string(),
  source: deviceText(200).nullable(),
  collected_at: z.string().nullable(),
  detail: deviceText(500).nullable(),
  data: deviceData().optional(),
  left_out: z.number().int().optional().describe('Items of its lists that are not in data.'),
})
export type ShownSection = z.infer<typeof sectionShape>

/** `most` items of each list; software is not among them, because its packages have pages of their own. */
export function presentSection(name: SectionName, stored: DeviceSection | undefined, most: number): ShownSection {
  if (!stored) return { name, status: 'not_collected', source: null, collected_at: null, detail: null }
  const { status, source, collectedAt, detail } = stored
  const about = { name, status, source, collected_at: collectedAt, detail }
  if (status !== 'ok' || name === 'software') return about
  const { data, leftOut } = bounded(stored.data, most)
  return { ...about, data, ...(leftOut > 0 && { left_out: leftOut }) }
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
) {
  if (names.length === 0) return []
  const lines = names.map((name) => `${name}: ${said(name, stored.get(name))}`)
  return [fenced(`inventory of ${device}`, lines.join('\n'), LONGEST)]
}

function said(name: SectionName, section: DeviceSection | undefined): string {
  if (!section) return 'not known (the agent has not sent it yet)'
  const text = section.status === 'ok' ? describeSection(name, section.data) : null
  return text ?? `not known (${section.status}${section.detail ? `: ${section.detail}` : ''})`
}
