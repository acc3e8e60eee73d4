/** What a command found: kept as the device sent it, shown only where it is what its type promises. */
import { RESULT_DATA, type ResultData } from '@breeze/contract/agent-commands'

type WithData = keyof typeof RESULT_DATA

/** The largest there is, a file of MAX_FILE_BYTES in base64, is half of it. */
export const MAX_DATA_BYTES = 1_500_000
/** The schemas need five. PostgreSQL parses recursively and gives up the whole statement on a deep one. */
const MAX_DEPTH = 16
/** An escaped NUL or half of a surrogate pair, as JSON.stringify writes them: PostgreSQL refuses both in jsonb. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

/** `json`: null where there was nothing, or nothing that can be kept; `dropped` tells the latter and why. */
export interface StorableData {
  json: string | null
  dropped: string | null
}

export function storableData(data: unknown): StorableData {
  if (data === undefined || data === null) return { json: null, dropped: null }
  if (!isWithin(data, MAX_DEPTH)) return { json: null, dropped: 'The data was nested too deep and was not kept.' }
  const json = JSON.stringify(data)
  if (Buffer.byteLength(json) > MAX_DATA_BYTES)
    return { json: null, dropped: 'The data was too large and was not kept.' }
  if (UNSTORABLE.test(json)) return { json: null, dropped: 'The data held characters that can not be kept.' }
  return { json, dropped: null }
}

function isWithin(value: unknown, depth: number): boolean {
  if (value === null || typeof value !== 'object') return true
  return depth > 0 && Object.values(value).every((item) => isWithin(item, depth - 1))
}

const hasSchema = (type: string): type is WithData => type in RESULT_DATA

/** Null for what is not in the shape of its type. */
export function readData(type: string, data: unknown): unknown {
  if (data === null || data === undefined || !hasSchema(type)) return null
  const parsed = RESULT_DATA[type].safeParse(data)
  return parsed.success ? parsed.data : null
}

/** The data of a result that is of this type; null where there is none. */
export function dataOf<T extends WithData>(result: { type: string; data: unknown }, type: T): ResultData<T> | null {
  // Read by `readData`, so that it is in the shape of its own type, which is this one.
  return result.type === type ? (result.data as ResultData<T> | null) : null
}
