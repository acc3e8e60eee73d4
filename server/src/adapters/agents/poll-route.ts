/** The agent's connection over plain HTTPS requests: open, send, receive. Mounted at the root of the server's HTTP app. */
import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { AGENT_POLL_PATHS, pollReceive, pollSend } from '@breeze/contract/agent-protocol'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import type { HttpEnv } from '../http/types.ts'
import { readFrame } from './frames.ts'
import type { AgentHub } from './hub.ts'
import type { PollTransport } from './poll-transport.ts'
import { TokenBuckets } from './token-bucket.ts'
import { MAX_UNPROVEN_BYTES } from './transport.ts'

export interface PollRouteOptions {
  hub: AgentHub
  now(): Date
  /** The client's address, already resolved through the trusted proxies. */
  addressOf(context: Context): string
  log: Pick<Logger, 'error'>
  /** Connections per address. A customer's whole office may stand behind one. */
  opensPerMinute?: number
}

/** Larger than other requests: a frame may be. */
export const POLL_BODY_BYTES: ReadonlyMap<string, number> = new Map([[AGENT_POLL_PATHS.send, MAX_FRAME_BYTES]])
/** Bodies of one session in memory at once: one being taken, and the agent's second attempt. */
const MOST_SENDS = 2

type PollEnv = HttpEnv & { Variables: { transport: PollTransport } }

export function pollRoute(options: PollRouteOptions): Hono<HttpEnv> {
  const { hub } = options
  const opens = new TokenBuckets(options.opensPerMinute ?? 600)
  const sends = new WeakMap<PollTransport, number>()
  const app = new Hono<PollEnv>()

  app.post(AGENT_POLL_PATHS.open, async (context) => {
    const nowMs = options.now().getTime()
    const bucket = opens.of(options.addressOf(context), nowMs)
    const waitMs = bucket.wait(nowMs)
    if (waitMs > 0) return later(context, 429, Math.ceil(waitMs / 1000))
    bucket.spend()
    let opened: ReturnType<typeof hub.polls.open> | undefined
    const waitSeconds = await hub.turn(() => {
      opened = hub.polls.open()
      hub.accept(opened.transport)
    })
    if (!opened) return later(context, 503, waitSeconds ?? hub.retrySeconds())
    return context.json({ session: opened.secret, frames: opened.transport.opening() })
  })

  for (const path of [AGENT_POLL_PATHS.send, AGENT_POLL_PATHS.receive]) {
    app.use(path, async (context, next) => {
      const [, secret] = /^Bearer ([\w-]{1,100})$/i.exec(context.req.header('authorization') ?? '') ?? []
      const transport = secret === undefined ? undefined : hub.polls.find(secret)
      if (transport) {
        context.set('transport', transport)
        return (await transport.turn()) ? next() : later(context, 429, 10)
      }
      if (hub.isDraining) return later(context, 503, hub.retrySeconds())
      return refuse(context, 401, 'unknown_session', 'This session is not known, or has ended. Open another.')
    })
  }

  app.post(
    AGENT_POLL_PATHS.send,
    async (context, next) => {
      const transport = context.get('transport')
      const before = sends.get(transport) ?? 0
      if (before >= MOST_SENDS) return later(context, 429, 1)
      sends.set(transport, before + 1)
      try {
        return await limited(transport)(context, next)
      } finally {
        sends.set(transport, (sends.get(transport) ?? 1) - 1)
      }
    },
    async (context) => {
      const text = await context.req.text()
      const body = pollSend.safeParse(readFrame(text))
      if (!body.success) return refuse(context, 400, 'invalid_request', 'Expected a sequence and frames.')
      const transport = context.get('transport')
      const taken = await transport.take(body.data.sequence, body.data.frames, text.length)
      if (taken === 'gap') return refuse(context, 409, 'out_of_sequence', 'A request before this one is missing.')
      if (taken === 'closed') return context.json({ closed: transport.closedCode }, 410)
      return context.json({})
    },
  )

  app.post(AGENT_POLL_PATHS.receive, bodyLimit({ maxSize: 1024, onError: tooLarge }), async (context) => {
    const body = pollReceive.safeParse(readFrame(await context.req.text()))
    if (!body.success) return refuse(context, 400, 'invalid_request', 'Expected received and waitSeconds.')
    const { received, waitSeconds } = body.data
    const answer = await context.get('transport').receive(received, waitSeconds * 1000, context.req.raw.signal)
    if (answer === null) return refuse(context, 409, 'out_of_sequence', 'That many frames are not waiting here.')
    return context.body(answer, 200, { 'content-type': 'application/json' })
  })

  app.onError((error, context) => {
    options.log.error({ err: error }, 'an agent request failed')
    return later(context, 503, 5)
  })
  return new Hono<HttpEnv>().route('/', app)
}

const limited = (transport: PollTransport) =>
  bodyLimit({ maxSize: transport.isProven ? MAX_FRAME_BYTES : MAX_UNPROVEN_BYTES, onError: tooLarge })

function later(context: Context<PollEnv>, status: 429 | 503, seconds: number): Response {
  context.header('retry-after', String(seconds))
  if (status === 429) return refuse(context, 429, 'rate_limited', 'Too many requests. Try again later.')
  return refuse(context, 503, 'unavailable', 'The server can not serve this agent now. Try again later.')
}

function tooLarge(context: Context): Response {
  // What has not been read of it must not be read as the next request.
  context.header('connection', 'close')
  return refuse(context, 413, 'too_large', 'The body is larger than a frame may be.')
}

function refuse(context: Context, status: ContentfulStatusCode, code: string, message: string): Response {
  return context.json({ error: { code, message } }, status)
}
