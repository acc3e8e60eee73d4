/** Tools over plain HTTP: `GET /api/v1/tools` lists them, `POST /api/v1/tools/<name>` calls one. The CLI speaks this too. */
import type { Denial, Surface } from '@breeze/contract/governance'
import { type Context, Hono } from 'hono'
import type { Identity } from '../../identity/authenticate.ts'
import type { Caller } from '../../kernel/caller.ts'
import { type Gate, type NotAdmitted, challenge } from '../http/credentials.ts'
import { readJson } from '../http/json-body.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import { countCall } from '../http/metrics.ts'
import type { HttpDeps, HttpEnv } from '../http/types.ts'
import { clientName } from '../mcp/principal.ts'
import { badBody, refusal, toolAnswer } from './answers.ts'

export const TOOLS_PATH = '/api/v1/tools'
const MINUTE_MS = 60_000

type RestDeps = HttpDeps & { gate: Gate; limiter: RateLimiter }
type RestContext = Context<HttpEnv>

export function createRestAdapter(deps: RestDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  routes.get(TOOLS_PATH, async (c) => {
    const caller = await admit(deps, c)
    if (caller instanceof Response) return caller
    return c.json({ tools: deps.kernel.list(caller, surfaceOf(caller)).tools })
  })
  routes.post(`${TOOLS_PATH}/:name`, async (c) => {
    const caller = await admit(deps, c)
    if (caller instanceof Response) return caller
    const body = await readJson(c.req.raw)
    if (!body.ok && body.problem !== 'empty') return badBody(c, body.problem)
    return call(deps, c, caller, body.ok ? body.value : {})
  })
  return routes
}

async function call(deps: RestDeps, c: RestContext, caller: Caller, input: unknown): Promise<Response> {
  const name = c.req.param('name') ?? ''
  const options = { surface: surfaceOf(caller), signal: c.req.raw.signal }
  const outcome = await deps.kernel.invoke(caller, name, input, options)
  countCall(deps.metrics, name, caller.channel, outcome)
  const asked = { path: c.req.path, host: c.req.header('host') ?? null }
  return toolAnswer(c, outcome, (scope) => challenge(deps.config, asked, 'insufficient_scope', scope))
}

/** Authenticates and counts the request; a Response is the refusal. */
async function admit(deps: RestDeps, c: RestContext): Promise<Caller | Response> {
  const admission = await deps.gate.admit(c.req.raw.headers, c.get('ip'), c.req.path)
  if (!admission.ok) return notAdmitted(c, admission)
  const { identity } = admission
  c.set('credentialId', identity.credential.id)
  const caller: Caller = {
    ...identity,
    channel: channelOf(c, identity),
    client: clientName(c.req.header('user-agent') ?? null),
  }
  const { user, credential } = identity
  const { messagesPerMinute } = deps.config.limits
  const key = `messages:${user.id}:${credential.kind}:${credential.id}`
  const verdict = await deps.limiter.take(key, messagesPerMinute, MINUTE_MS)
  if (verdict.allowed) return caller
  deps.kernel.throttled(caller, 'messages', verdict.retryAfterSeconds)
  deps.metrics.throttled.inc({ limit: 'messages' })
  return tooMany(c, `This credential may send ${messagesPerMinute} requests a minute.`, verdict.retryAfterSeconds)
}

/** The CLI names itself; only credentials that a person at a terminal holds may, and no header makes a call the console's. */
function channelOf(c: RestContext, identity: Identity): 'rest' | 'cli' {
  const { kind } = identity.credential
  const claimed = c.req.header('x-breeze-surface') === 'cli'
  return claimed && (kind === 'operator' || kind === 'api_key') ? 'cli' : 'rest'
}

const surfaceOf = (caller: Caller): Surface => (caller.channel === 'cli' ? 'cli' : 'rest')

function notAdmitted(c: RestContext, admission: NotAdmitted): Response {
  if (admission.status === 503) {
    const reason = 'Breeze can not check credentials at the moment.'
    return refusal(c, { code: 'unavailable', reason, remedy: 'Try again shortly.', retry_after_seconds: 5 })
  }
  if (admission.status === 429)
    return tooMany(c, 'Too many failed sign-ins from this address.', admission.retryAfterSeconds)
  const denial: Denial = {
    code: 'unauthenticated',
    reason: 'A valid credential is needed.',
    remedy: 'Send an API key as X-API-Key or as Authorization: Bearer.',
  }
  return refusal(c, denial, undefined, { 'www-authenticate': admission.challenge })
}

function tooMany(c: RestContext, reason: string, seconds: number): Response {
  const remedy = `Wait ${seconds} seconds, then try again.`
  return refusal(c, { code: 'rate_limited', reason, remedy, retry_after_seconds: seconds })
}
