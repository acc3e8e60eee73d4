/** Where a page of the list of alerts ended. */
import { z } from 'zod'
import { isInstant, makeCursor, readCursor } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { type AlertFilter, weightOf } from './filter.ts'
import { SEVERITIES, type Severity } from './tables.ts'

export const ALERT_ORDERS = ['worst', 'newest'] as const
/** `worst`: by severity, and newest first within one. */
export type AlertOrder = (typeof ALERT_ORDERS)[number]

interface Sorted {
  order: AlertOrder
  unfold: boolean
}

const shape = z.tuple([z.enum(SEVERITIES), z.string().refine(isInstant), z.uuid()])

export function writePosition(
  filter: AlertFilter,
  sorted: Sorted,
  last: { severity: Severity; openedAt: string; id: string },
): string {
  return makeCursor('alerts', binding(filter, sorted), [last.severity, last.openedAt, last.id])
}

/** A cursor of another order or filter would silently skip alerts, so it is refused. */
export function readPosition(filter: AlertFilter, sorted: Sorted, cursor: string) {
  const parsed = shape.safeParse(readCursor('alerts', binding(filter, sorted), cursor))
  if (!parsed.success) throw invalidInput('cursor: this is not a cursor of this list.', 'Start again without a cursor.')
  const [severity, openedAt, id] = parsed.data
  return { weight: weightOf(severity), openedAt, id }
}

/**
 * Without the bounds of time: a span such as 24h becomes another moment with each call, and a page goes on from the alert
 * where the one before ended all the same.
 */
function binding(filter: AlertFilter, { order, unfold }: Sorted): unknown {
  const { openedFrom: _from, openedBefore: _before, ...rest } = filter
  return JSON.parse(JSON.stringify({ ...rest, order, unfold }))
}
