/** What changed on a device, as answers show it. */
import { z } from 'zod'
import { deviceText, fenced } from '../../kernel/content/device-text.ts'
import type { Change, ChangeKind } from './changes/change.ts'
import type { ChangeRow, DeviceChanges } from './changes/list.ts'

const one = { subject: deviceText(300), before: deviceText(500).nullable(), after: deviceText(500).nullable() }

export const changesShape = z.object({
  changes: z.array(
    z.object({
      at: z.string(),
      kind: z.string(),
      ...one,
      occurrences: z.number().int().optional().describe('Within the hour, where it went to and fro.'),
      counts: z.record(z.string(), z.number()).optional(),
      list: z.array(z.object({ kind: z.string(), ...one })).optional(),
    }),
  ),
  total: z.number().int(),
  next_cursor: z.string().optional(),
})

/** `most` of each list of many. */
export function presentChanges({ changes, total, cursor }: DeviceChanges, most: number): z.input<typeof changesShape> {
  return {
    changes: changes.map(({ at, kind, subject, before, after, occurrences, detail }) => ({
      at: at.toISOString(),
      kind,
      subject,
      before,
      after,
      ...(occurrences > 1 && { occurrences }),
      ...(detail && { counts: detail.counts, list: detail.changes.slice(0, most) }),
    })),
    total,
    ...(cursor !== null && { next_cursor: cursor }),
  }
}

const LONGEST = 12_000

export function changesText(device: string, { changes, total, cursor }: DeviceChanges): string[] {
  if (total === 0) return ['No changes are recorded.']
  const more = cursor === null ? [] : ['Pass changes.next_cursor as changes_cursor for earlier ones.']
  return [fenced(`${changes.length} of ${total} changes of ${device}`, changes.map(line).join('\n'), LONGEST), ...more]
}

function line(row: ChangeRow): string {
  const often = row.occurrences > 1 ? ` (${row.occurrences} times since ${row.firstAt.toISOString()})` : ''
  return `${row.at.toISOString()} ${said(row)}${often}`
}

const words = (kind: ChangeKind): string => kind.replaceAll('_', ' ')

function said({ kind, subject, before, after }: Change): string {
  if (kind === 'many_changed') return `${subject}: ${after ?? ''}`
  const values = [before, after].filter((value) => value !== null && value !== '')
  return `${words(kind)}: ${subject}${values.length > 0 ? `, ${values.join(' → ')}` : ''}`
}
