/** Where a page of the device list ended: the sort key as the database wrote it, and the id. */
import { z } from 'zod'
import { isInstant, makeCursor, readCursor } from '../../kernel/cursor.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { DeviceFilter } from './filter.ts'

export type DeviceSort = 'name' | 'last_seen' | 'worst_alert'
export interface DeviceOrder {
  sort: DeviceSort
  descending: boolean
}
export interface DevicePosition {
  /** Null among the devices that were never seen. */
  key: string | null
  id: string
}

const shape = z.tuple([z.string().max(1000).nullable(), z.uuid()])

export function writePosition(filter: DeviceFilter, order: DeviceOrder, { key, id }: DevicePosition): string {
  return makeCursor('devices', binding(filter, order), [key, id])
}

/** A cursor of another order or filter would silently skip devices, so it is refused. */
export function readPosition(filter: DeviceFilter, order: DeviceOrder, cursor: string): DevicePosition {
  const parsed = shape.safeParse(readCursor('devices', binding(filter, order), cursor))
  if (!parsed.success || !isKeyOf(order, parsed.data[0])) {
    throw invalidInput('cursor: this is not a cursor of this list.', 'Start again without a cursor.')
  }
  return { key: parsed.data[0], id: parsed.data[1] }
}

function isKeyOf({ sort }: DeviceOrder, key: string | null): boolean {
  if (sort === 'worst_alert') return /^[0-5]$/.test(key ?? '')
  if (sort === 'name') return key !== null && !key.includes('\0')
  return key === null || isInstant(key)
}

/** As JSON, in which a date is a text: the digest would see all dates as equal. */
function binding(filter: DeviceFilter, order: DeviceOrder): unknown {
  return JSON.parse(JSON.stringify({ ...filter, ...order }))
}
