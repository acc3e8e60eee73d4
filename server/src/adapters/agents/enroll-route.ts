/** POST /agent/v1/enroll: how a machine becomes a device. Mounted at the root of the server's HTTP app. */
import { AGENT_ENROLL_PATH, enrollRequest, type EnrollResponse } from '@breeze/contract/agent-protocol'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Logger } from 'pino'
import type { Enrolled, Enrollment, Refusal } from '../../domains/devices/enrollment.ts'
import type { CommandSigner } from '../../keys/keys.ts'
import { Batch } from '../../kernel/batch.ts'
import type { HttpEnv } from '../http/types.ts'
import { TokenBuckets } from './token-bucket.ts'

export interface EnrollRouteOptions {
  enrollment: Enrollment
  signer: CommandSigner
  heartbeatSeconds: number
  now(): Date
  /** The client's address, already resolved through the trusted proxies. */
  addressOf(context: Context<HttpEnv>): string
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Per address. A customer's whole office may stand behind one. */
  requestsPerMinute?: number
  /** Per address: refused tokens and keys. */
  refusalsPerMinute?: number
}

const MAX_BODY_BYTES = 16 * 1024
const MOST_WAITING = 1000

const REFUSALS: Record<Refusal, { status: ContentfulStatusCode; message: string }> = {
  token_unknown: { status: 401, message: 'This enrollment token is not known.' },
  token_expired: { status: 401, message: 'This enrollment token has expired. Create another one.' },
  token_used_up: { status: 401, message: 'This enrollment token has no uses left. Create another one.' },
  key_invalid: { status: 400, message: 'publicKey must be the base64url of a raw Ed25519 public key (32 bytes).' },
  key_in_use: { status: 409, message: 'This key is already enrolled. Make a new key and enroll again.' },
  device_removed: {
    status: 403,
    message: 'This device was removed. Make a new key and use a new token to enroll it again.',
  },
  original_unknown: { status: 401, message: 'The device that this one is a copy of is not known, or did not sign.' },
  too_many_copies: {
    status: 429,
    message: 'Too many copies of this device wait for approval. Approve or remove some.',
  },
}

export function enrollRoute(options: EnrollRouteOptions): Hono<HttpEnv> {
  const requests = new TokenBuckets(options.requestsPerMinute ?? 300)
  const refusals = new TokenBuckets(options.refusalsPerMinute ?? 20)
  // A rollout that enrolls a thousand machines at once gets one database connection, not all.
  const line = new Batch({
    windowMs: 0,
    maxItems: 1,
    handle: (batch: Parameters<Enrollment['enroll']>[0][]) =>
      Promise.all(batch.map((one) => options.enrollment.enroll(one))),
  })
  const app = new Hono<HttpEnv>()

  app.post(
    AGENT_ENROLL_PATH,
    async (context, next) => {
      const nowMs = options.now().getTime()
      const address = options.addressOf(context)
      const wait = Math.max(requests.of(address, nowMs).wait(nowMs), refusals.of(address, nowMs).wait(nowMs))
      if (wait > 0) return tooMany(context, wait)
      if (line.size >= MOST_WAITING) return tooMany(context, 5000)
      requests.of(address, nowMs).spend()
      return next()
    },
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => refuse(context, 413, 'too_large', `The body may hold ${MAX_BODY_BYTES} bytes.`),
    }),
    async (context) => {
      const parsed = enrollRequest.safeParse(await readJson(context))
      if (!parsed.success) {
        const fields = parsed.error.issues.slice(0, 6).map((issue) => issue.path.join('.') || 'body')
        return refuse(context, 400, 'invalid_request', `Missing or wrong: ${fields.join(', ')}.`)
      }
      const result = await line.add(parsed.data)
      if (result.state === 'refused') {
        const nowMs = options.now().getTime()
        refusals.of(options.addressOf(context), nowMs).spend()
        options.log.warn({ reason: result.reason }, 'enrollment refused')
        const { status, message } = REFUSALS[result.reason]
        return refuse(context, status, result.reason, message)
      }
      options.log.info({ deviceId: result.device.id, state: result.state }, 'device enrolled')
      return context.json(welcome(options, result), result.state === 'enrolled' ? 201 : 200)
    },
  )
  app.onError((error, context) => {
    options.log.error({ err: error }, 'enrollment failed')
    return refuse(context, 503, 'unavailable', 'The server could not enroll the device now. Try again in a moment.')
  })
  return app
}

function welcome(options: EnrollRouteOptions, result: Exclude<Enrolled, { state: 'refused' }>): EnrollResponse {
  return {
    deviceId: result.device.id,
    organizationId: result.device.organizationId,
    serverKeys: [...options.signer.published],
    heartbeatSeconds: options.heartbeatSeconds,
    awaitingApproval: result.device.awaitingApproval,
  }
}

function tooMany(context: Context<HttpEnv>, waitMs: number): Response {
  context.header('retry-after', String(Math.ceil(waitMs / 1000)))
  return refuse(context, 429, 'rate_limited', 'Too many enrollments from this address. Try again later.')
}

function refuse(context: Context, status: ContentfulStatusCode, code: string, message: string): Response {
  return context.json({ error: { code, message } }, status)
}

async function readJson(context: Context): Promise<unknown> {
  const text = await context.req.text()
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON is one more shape that the schema refuses.
    return undefined
  }
}
