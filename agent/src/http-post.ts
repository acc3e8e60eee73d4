import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Transport } from './transport.ts'

export interface PostOptions {
  transport: Transport
  /** Until the answer is there as a whole. */
  timeoutMs: number
  maxReplyBytes: number
  bearer?: string
  signal?: AbortSignal
}

export interface PostReply {
  status: number
  retryAfterSeconds: number | undefined
  text: string
}

export class RequestTimeout extends Error {
  override name = 'RequestTimeout'
}
export class ReplyTooLarge extends Error {
  override name = 'ReplyTooLarge'
}

/**
 * One POST of JSON text. By the plain client: the first use of `fetch` costs the agent 18 MB for good. It follows no
 * redirect, so that no secret goes to a place nobody named, and none in plain text.
 */
export function post(url: URL, body: string, options: PostOptions): Promise<PostReply> {
  const { transport, timeoutMs, bearer, signal } = options
  const agent = transport.agentFor(url)
  return new Promise((resolve, reject) => {
    const settings = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      ...(agent && { agent }),
      ...(transport.lookup && { lookup: transport.lookup }),
      ...(signal && { signal }),
    }
    const request = url.protocol === 'https:' ? httpsRequest(url, settings) : httpRequest(url, settings)
    const impatience = setTimeout(
      () => request.destroy(new RequestTimeout(`no answer within ${Math.round(timeoutMs / 1000)} s`)),
      timeoutMs,
    )
    request.on('error', reject)
    request.on('close', () => clearTimeout(impatience))
    request.on('response', (response) => {
      readReply(response, options.maxReplyBytes).then(resolve, reject)
    })
    request.end(body)
  })
}

async function readReply(response: IncomingMessage, maxBytes: number): Promise<PostReply> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new ReplyTooLarge('the answer is too large')
    chunks.push(chunk)
  }
  const { statusCode: status = 0, headers } = response
  return { status, retryAfterSeconds: seconds(headers['retry-after']), text: Buffer.concat(chunks).toString() }
}

/** RFC 9110 §10.2.3 also allows a date, which a device with a wrong clock can't use. */
function seconds(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined
}
