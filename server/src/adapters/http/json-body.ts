/** Request bodies: read up to a cap, never buffered beyond it, and parsed only if their nesting is bounded. */

export const MAX_BODY_BYTES = 1024 * 1024
/** Deeper than any tool's input, far below what a recursive parser or validator can take. */
export const MAX_JSON_DEPTH = 64

export type JsonBody =
  | { ok: true; value: unknown }
  | { ok: false; problem: 'empty' | 'malformed' | 'too_deep' | 'too_large' | 'unreadable' }

export async function readJson(request: Request, maxBytes = MAX_BODY_BYTES): Promise<JsonBody> {
  const text = await readText(request, maxBytes)
  if (typeof text !== 'string') return { ok: false, problem: text.problem }
  if (text.trim() === '') return { ok: false, problem: 'empty' }
  if (depthExceeds(text, MAX_JSON_DEPTH)) return { ok: false, problem: 'too_deep' }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false, problem: 'malformed' }
  }
}

export async function readText(
  request: Request,
  maxBytes: number,
): Promise<string | { problem: 'too_large' | 'unreadable' }> {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) return { problem: 'too_large' }
  try {
    // Node has already bounded the body by its declared length; only an undeclared one must be counted.
    if (declared !== null) return await request.text()
    return request.body ? await countedText(request.body, maxBytes) : ''
  } catch {
    return { problem: 'unreadable' }
  }
}

async function countedText(body: ReadableStream<Uint8Array>, maxBytes: number) {
  const decoder = new TextDecoder()
  let received = 0
  let text = ''
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    received += value.byteLength
    if (received > maxBytes) {
      await reader.cancel()
      return { problem: 'too_large' as const }
    }
    text += decoder.decode(value, { stream: true })
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [34, 92, 91, 93, 123, 125]

/** One pass over the text, before any parser recurses into it. */
export function depthExceeds(text: string, limit: number): boolean {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (quoted) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) quoted = false
    } else if (code === QUOTE) quoted = true
    else if (code === OPEN_LIST || code === OPEN_MAP) {
      if (++depth > limit) return true
    } else if (code === CLOSE_LIST || code === CLOSE_MAP) depth--
  }
  return false
}
