/** The authorization server's addresses. */
import { type Context, Hono } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import type { Clients } from '../../oauth/clients.ts'
import { readDescription } from '../../oauth/client-metadata.ts'
import type { InnerAnswer } from '../../oauth/in-process.ts'
import type { Interactions } from '../../oauth/interactions.ts'
import { redirectFacts, redirectKind } from '../../oauth/redirects.ts'
import type { AuthorizationServer, AuthorizeAnswer } from '../../oauth/server.ts'
import {
  AUTHORIZE_PATH,
  CONSENT_PAGE,
  JWKS_PATH,
  REGISTER_PATH,
  REVOKE_PATH,
  TOKEN_PATH,
} from '../../oauth/settings.ts'
import { isDatabaseAway } from '../../kernel/database-away.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import { loopbackTwin } from '../../loopback-twin.ts'
import { isMcpPath, MCP_PATH } from '../mcp/paths.ts'
import { readJson, readText } from '../http/json-body.ts'
import type { HttpEnv } from '../http/types.ts'
import type { AuthorizationCookie } from './cookies.ts'
import { RESOURCE_METADATA_PATH, resourceMetadata, SERVER_METADATA_PATHS, serverMetadata } from './metadata.ts'
import { page } from './pages.ts'

export interface OauthRouteDeps {
  issuer: string
  server: AuthorizationServer
  clients: Clients
  interactions: Interactions
  cookie: AuthorizationCookie
  limiter: RateLimiter
  /** Requests a minute from one address to each of authorize and token. */
  perMinute: number
  /** That some tool needs. */
  scopes: readonly string[]
}

const FORM_BYTES = 32 * 1024
const REGISTRATION_BYTES = 32 * 1024
const LONGEST_QUERY = 12 * 1024
const MINUTE_MS = 60_000
/** Registrations leave a row behind; the others only cost work. */
const SHARE = { register: 1 / 6, authorize: 1, token: 1 } as const

/** `open`: programs ask these, from anywhere; `described`: so they do, of a resource; `navigated`: people open these. */
export function authorizationPath(path: string): 'open' | 'described' | 'navigated' | null {
  if (path === AUTHORIZE_PATH || path.startsWith(`${AUTHORIZE_PATH}/`)) return 'navigated'
  if (path === RESOURCE_METADATA_PATH || path.startsWith(`${RESOURCE_METADATA_PATH}/`)) return 'described'
  return path.startsWith('/oauth/') || SERVER_METADATA_PATHS.includes(path) ? 'open' : null
}

export function oauthRoutes(deps: OauthRouteDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  const described = serverMetadata(deps.issuer, deps.scopes)
  const cached = { 'cache-control': 'public, max-age=300' }
  for (const path of SERVER_METADATA_PATHS) routes.get(path, (context) => context.json(described, 200, cached))
  // What a program asked for is what it must find described (RFC 9728 §3.3), also where it said localhost.
  const resourceAt = (context: Context<HttpEnv>, path: string) => {
    const origin = loopbackTwin(context.req.header('host'), deps.issuer) ?? deps.issuer
    return context.json(resourceMetadata(`${origin}${path}`, deps.issuer, deps.scopes), 200, cached)
  }
  routes.get(RESOURCE_METADATA_PATH, (context) => resourceAt(context, MCP_PATH))
  routes.get(`${RESOURCE_METADATA_PATH}/*`, (context, next) => {
    const path = context.req.path.slice(RESOURCE_METADATA_PATH.length)
    return isMcpPath(path) ? resourceAt(context, path) : next()
  })
  routes.get(JWKS_PATH, (context) => context.json({ keys: [] }, 200, cached))
  routes.post(REGISTER_PATH, (context) => guarded(context, () => register(deps, context)))
  routes.post(TOKEN_PATH, (context) =>
    guarded(context, () => form(deps, context, 'token', (text, headers) => deps.server.token(text, headers))),
  )
  routes.post(REVOKE_PATH, (context) =>
    guarded(context, () => form(deps, context, 'token', (text, headers) => deps.server.revoke(text, headers))),
  )
  routes.get(AUTHORIZE_PATH, (context) => navigated(context, () => authorize(deps, context)))
  routes.get(`${AUTHORIZE_PATH}/:uid`, (context) => navigated(context, () => resume(deps, context)))
  return routes
}

async function register(deps: OauthRouteDeps, context: Context<HttpEnv>): Promise<Response> {
  const wait = await overLimit(deps, context, 'register')
  if (wait) return wait
  if (!/^application\/json\b/i.test(context.req.header('content-type') ?? ''))
    return fail(context, 400, 'invalid_client_metadata', 'Send JSON.')
  const body = await readJson(context.req.raw, REGISTRATION_BYTES)
  if (!body.ok) return fail(context, 400, 'invalid_client_metadata', 'The description cannot be read.')
  const reading = readDescription(body.value)
  if (!reading.ok) return fail(context, 400, reading.error, reading.reason)
  const { id, at } = await deps.clients.register(reading.client)
  return context.json(
    {
      client_id: id,
      client_id_issued_at: Math.floor(at.getTime() / 1000),
      client_name: reading.client.name,
      redirect_uris: reading.client.redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    201,
    { 'cache-control': 'no-store' },
  )
}

async function form(
  deps: OauthRouteDeps,
  context: Context<HttpEnv>,
  limit: keyof typeof SHARE,
  ask: (text: string, headers: Record<string, string>) => Promise<InnerAnswer>,
): Promise<Response> {
  const wait = await overLimit(deps, context, limit)
  if (wait) return wait
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(type))
    return fail(context, 400, 'invalid_request', 'Send application/x-www-form-urlencoded.')
  const text = await readText(context.req.raw, FORM_BYTES)
  if (typeof text !== 'string') return fail(context, 413, 'invalid_request', 'The request is too long.')
  const authorization = context.req.header('authorization')
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    ...(authorization !== undefined && { authorization }),
  }
  return passOn(context, await ask(text, headers))
}

const PASSED = ['content-type', 'www-authenticate', 'retry-after']

function passOn(context: Context<HttpEnv>, answer: InnerAnswer): Response {
  const headers = new Headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  for (const name of PASSED) {
    const value = answer.headers[name]
    if (value !== undefined) headers.set(name, String(value))
  }
  const body = answer.status < 400 ? answer.body : withReference(context, answer.body)
  return new Response(body, { status: answer.status, headers })
}

function withReference(context: Context<HttpEnv>, body: string): string {
  if (!body.startsWith('{')) return body
  return JSON.stringify({ ...JSON.parse(body), reference: context.get('requestId') })
}

async function authorize(deps: OauthRouteDeps, context: Context<HttpEnv>): Promise<Response> {
  const wait = await take(deps, context, 'authorize')
  if (!wait.allowed) return tooMany(context, wait.retryAfterSeconds)
  const query = context.req.url.split('?')[1] ?? ''
  if (query.length > LONGEST_QUERY) return broken(context, 414, 'the request is too long')
  const answer = await deps.server.authorize(new URLSearchParams(query))
  if (answer.next === 'consent') {
    deps.cookie.write(context, answer.uid, deps.interactions.proof(answer.uid))
    return context.redirect(`${CONSENT_PAGE}/${answer.uid}`, 303)
  }
  if (answer.next === 'error') return refusedPage(context, answer)
  // Nobody has agreed to anything yet. A stranger can register any address: this must not be a way to send people there.
  const { host } = redirectFacts(answer.to)
  const error = URL.parse(answer.to)?.searchParams.get('error') ?? 'unknown'
  return page(context, 400, {
    title: 'This program cannot be connected',
    lines: [
      `It asked in a way that Breeze does not accept (${error}). Nothing was allowed.`,
      `You can close this page, or go back to ${host} to see what it says.`,
    ],
    link: { to: answer.to, text: `Go back to ${host}` },
  })
}

async function resume(deps: OauthRouteDeps, context: Context<HttpEnv>): Promise<Response> {
  const uid = context.req.param('uid') ?? ''
  if (!deps.interactions.proves(uid, deps.cookie.read(context))) {
    return page(context, 409, {
      title: 'This began in another browser',
      lines: ['Go on in the browser in which you started, or start connecting again in your assistant.'],
    })
  }
  if (!(await deps.interactions.mayReturn(uid)))
    return broken(context, 400, 'it is over, or the program no longer comes back by this way')
  const answer = await deps.server.resume(uid)
  if (answer.next === 'consent') {
    deps.cookie.write(context, answer.uid, deps.interactions.proof(answer.uid))
    return context.redirect(`${CONSENT_PAGE}/${answer.uid}`, 303)
  }
  deps.cookie.clear(context, uid)
  if (answer.next === 'error') return refusedPage(context, answer)
  if (redirectKind(answer.to.split('?')[0] ?? '') !== 'app') return context.redirect(answer.to, 303)
  // The browser hands an app's link over and stays where it is.
  return page(context, 200, {
    title: 'Back to your app',
    lines: ['Your app should open by itself. You can close this page.'],
    link: { to: answer.to, text: 'Open the app' },
    follow: true,
  })
}

function refusedPage(context: Context<HttpEnv>, answer: Extract<AuthorizeAnswer, { next: 'error' }>) {
  if (answer.status === 503) return away(context)
  const known = KNOWN_REASONS[answer.description ?? '']
  if (known) return page(context, 400, { title: 'This program cannot be connected', lines: known })
  return broken(context, answer.status >= 500 ? 500 : 400, answer.description ?? answer.error)
}

/** What oidc-provider says of the two mistakes that people meet, and what they can do. */
const KNOWN_REASONS: Readonly<Record<string, readonly string[]>> = {
  'client is invalid': [
    'Breeze does not know this program. Its registration may have ended because nobody used it.',
    'Remove the connection in your assistant and add it again. Nothing was shared.',
  ],
  "redirect_uri did not match any of the client's registered redirect_uris": [
    'It wants your answer sent to an address that it did not register. Nothing was shared.',
    'If you did not start this yourself just now, close this page. Otherwise remove the connection in your assistant and add it again.',
  ],
}

function broken(context: Context<HttpEnv>, status: 400 | 414 | 500, reason: string) {
  return page(context, status, {
    title: 'This program cannot be connected',
    lines: [
      `The request to connect is not valid: ${reason}.`,
      'Start connecting again in your assistant. If it keeps failing, give the reference below to your administrator.',
    ],
  })
}

function tooMany(context: Context<HttpEnv>, seconds: number) {
  context.header('retry-after', String(seconds))
  return page(context, 429, { title: 'Too many attempts', lines: [`Wait ${seconds} seconds, then try again.`] })
}

function away(context: Context<HttpEnv>) {
  context.header('retry-after', '5')
  return page(context, 503, {
    title: 'Breeze cannot answer at the moment',
    lines: ['Its database cannot be reached. Try again shortly.'],
  })
}

async function overLimit(deps: OauthRouteDeps, context: Context<HttpEnv>, limit: keyof typeof SHARE) {
  const verdict = await take(deps, context, limit)
  if (verdict.allowed) return null
  context.header('retry-after', String(verdict.retryAfterSeconds))
  return fail(context, 429, 'temporarily_unavailable', `Too many requests: wait ${verdict.retryAfterSeconds} seconds.`)
}

const take = (deps: OauthRouteDeps, context: Context<HttpEnv>, limit: keyof typeof SHARE) =>
  deps.limiter.take(
    `oauth:${limit}:${context.get('ip') ?? 'local'}`,
    Math.max(1, Math.floor(deps.perMinute * SHARE[limit])),
    MINUTE_MS,
  )

function fail(context: Context<HttpEnv>, status: 400 | 413 | 429 | 503, error: string, description: string): Response {
  const said = { error, error_description: description, reference: context.get('requestId') }
  return context.json(said, status satisfies StatusCode, { 'cache-control': 'no-store' })
}

async function guarded(context: Context<HttpEnv>, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!isDatabaseAway(error)) throw error
    context.header('retry-after', '5')
    return fail(context, 503, 'temporarily_unavailable', 'The database cannot be reached at the moment.')
  }
}

async function navigated(context: Context<HttpEnv>, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!isDatabaseAway(error)) throw error
    return away(context)
  }
}
