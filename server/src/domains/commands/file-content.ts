/** The bytes of a file that were read, as text where they are text. */
import type { ResultData } from '@breeze/contract/agent-commands'

export interface FileContent {
  encoding: 'text' | 'base64'
  content: string
  /** Of the file that `content` stands for, from the offset on. */
  bytes: number
}

/** Longest part of a UTF-8 character that a cut can leave. */
const TAIL = 3

/**
 * Text is UTF-8 without NUL. A range may end within a character: those bytes are left to the next range. `base64` asks
 * for the bytes as they are.
 */
export function fileContent(
  data: Pick<ResultData<'files.read'>, 'content' | 'offset' | 'sizeBytes'>,
  wanted: FileContent['encoding'] = 'text',
): FileContent {
  const bytes = Buffer.from(data.content, 'base64')
  const text = wanted === 'text' ? asText(bytes, data.offset + bytes.length < data.sizeBytes) : null
  return text ?? { encoding: 'base64', content: bytes.toString('base64'), bytes: bytes.length }
}

function asText(bytes: Buffer, goesOn: boolean): FileContent | null {
  if (bytes.includes(0)) return null
  for (let cut = 0; cut <= (goesOn ? TAIL : 0); cut += 1) {
    const part = bytes.subarray(0, bytes.length - cut)
    if (part.length === 0 && bytes.length > 0) return null
    const content = decode(part)
    if (content !== null) return { encoding: 'text', content, bytes: part.length }
  }
  return null
}

function decode(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Not UTF-8: what the caller shows as binary.
    return null
  }
}
