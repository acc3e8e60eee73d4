/** Where a page of a list ended. Opaque to callers, checked when it comes back. */
import { z } from 'zod'
import { invalidInput } from '../../kernel/errors.ts'

export type DeviceSort = 'name' | 'last_seen'

const shape = z.object({
  sort: z.enum(['name', 'last_seen']),
  descending: z.boolean(),
  /** The sort key as the database wrote it; null for devices that were never seen. */
  key: z.string().max(1000).nullable(),
  id: z.uuid(),
})
export type DeviceCursor = z.infer<typeof shape>

export function writeCursor(cursor: DeviceCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

/** A cursor of another order would silently skip devices, so it is refused. */
export function readCursor(text: string, order: { sort: DeviceSort; descending: boolean }): DeviceCursor {
  const parsed = shape.safeParse(decode(text))
  if (!parsed.success || !isKeyOf(parsed.data)) {
    throw invalidInput(
      'The cursor is not one of this list.',
      'Call again without a cursor to start from the beginning.',
    )
  }
  if (parsed.data.sort !== order.sort || parsed.data.descending !== order.descending) {
    throw invalidInput(
      'The cursor belongs to another order.',
      'Keep the order while paging, or start without a cursor.',
    )
  }
  return parsed.data
}

function isKeyOf({ sort, key }: DeviceCursor): boolean {
  if (sort === 'name') return key !== null && !key.includes('\0')
  return key === null || !Number.isNaN(Date.parse(key))
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    // Not JSON is one more shape that the schema refuses.
    return undefined
  }
}
