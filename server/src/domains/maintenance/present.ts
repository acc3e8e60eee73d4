import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import { levelShown } from '../organizations/setting-level.ts'
import type { StoredWindow } from './settings.ts'
import { nextOpening, openingAt, type Recurrence } from './windows.ts'

export const windowShape = z.object({
  id: z.string(),
  name: z.string(),
  organization: z.object({ id: z.string(), name: z.string().nullable() }).nullable().describe('Null: of all.'),
  scope: z.record(z.string(), z.array(z.string())).describe('Empty: every device.'),
  recurrence: z.record(z.string(), z.unknown()),
  time_zone: z.string(),
  duration_minutes: z.number().int(),
  enabled: z.boolean(),
  open_until: z.string().nullable().describe('Null: not open now.'),
  next_opens_at: z.string().nullable(),
})

export function presentWindow(window: StoredWindow, caller: Caller, now: Date): z.input<typeof windowShape> {
  const { organizationId, enabled } = window
  const opening = enabled ? openingAt(window, now) : null
  const next = enabled ? nextOpening(window, now) : null
  return {
    id: window.id,
    name: window.name,
    organization: levelShown(caller, organizationId),
    scope: window.scope as Record<string, string[]>,
    recurrence: window.recurrence,
    time_zone: window.timeZone,
    duration_minutes: window.durationMinutes,
    enabled,
    open_until: opening?.until.toISOString() ?? null,
    next_opens_at: next?.from.toISOString() ?? null,
  }
}

/** "Patch night: each sunday at 22:00 (Europe/Berlin) for 120 minutes". */
export const windowLine = (window: StoredWindow): string =>
  `${window.name}: ${told(window.recurrence)} (${window.timeZone}) for ${window.durationMinutes} minutes${window.enabled ? '' : ', off'}`

function told(when: Recurrence): string {
  switch (when.kind) {
    case 'once':
      return `on ${when.date} at ${when.time}`
    case 'weekly':
      return `each ${when.days.join(', ')} at ${when.time}`
    case 'monthly':
      return when.day === undefined
        ? `each ${NTH[when.week ?? 1]} ${when.weekday} of a month at ${when.time}`
        : `each month on day ${when.day} at ${when.time}`
  }
}
const NTH = { 1: 'first', 2: 'second', 3: 'third', 4: 'fourth', [-1]: 'last' } as const
