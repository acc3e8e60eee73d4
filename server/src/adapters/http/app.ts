/**
 * The HTTP side of the server: one guarded shell, with MCP, REST and whatever else is mounted inside it.
 */
import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { routePath } from 'hono/route'
import { type McpAdapter, createMcpAdapter } from '../mcp/adapter.ts'
import { createRestAdapter } from '../rest/adapter.ts'
import { clientIp, isLocal, trustedAddresses } from './client-ip.ts'
import { corsHeaders, openCors } from './cors.ts'
import { createGate } from './credentials.ts'
import { type Guard, createGuard, isAddressHost } from './guard.ts'
import { MAX_BODY_BYTES } from './json-body.ts'
import type { LiveCount } from '../../kernel/live-limits.ts'
import { LocalRateLimiter } from '../../kernel/rate-limit.ts'
import { loopbackTwin } from '../../loopback-twin.ts'
import type { HttpDeps, HttpEnv } from './types.ts'

export interface HttpApp {
  app: Hono<HttpEnv>
  mcp: McpAdapter
  /** Messages and streams counted against credentials now. */
  counts(): LiveCount[]
  /** Ends every stream and session, for a graceful stop. */
  close(): Promise<void>
}

export function createHttpApp(deps: HttpDeps): HttpApp {
  const limiter = new LocalRateLimiter()
  const gate = createGate(deps)
  const mcp = createMcpAdapter({ ...deps, gate, limiter })
  const rest = createRestAdapter({ ...deps, gate, limiter })
  const app = createShell(deps, [mcp.routes, rest])
  const counts = (): LiveCount[] => [
    ...counted(limiter, 'messages', deps.config.limits.messagesPerMinute),
    ...counted(limiter, 'streams_opened', deps.config.limits.sseConnectionsPerMinute),
    ...mcp.openStreams(),
  ]
  return { app, mcp, counts, close: () => mcp.close() }
}

const PREFIXES = { messages: 'messages:', streams_opened: 'streams:' }

function counted(limiter: LocalRateLimiter, limit: keyof typeof PREFIXES, most: number): LiveCount[] {
  return limiter.inForce(PREFIXES[limit]).map(({ rest, used, secondsLeft }) => {
    // As the adapters wrote it: the user, what kind of credential, which one.
    const credentialId = rest.split(':')[2] ?? ''
    return { limit, credentialId, tool: null, used, most, secondsLeft }
  })
}

/** Guard, limits, probes, logging and error handling around the given routes. */
export function createShell(deps: HttpDeps, routes: readonly Hono<HttpEnv>[]): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>()
  const guard = createGuard(deps.config)
  app.use(observe(deps))
  app.use(protect(deps, guard))
  mountProbes(app, deps)
  for (const route of routes) app.route('/', route)
  if (deps.mounts?.length) {
    // Registered after our own routes, whose bodies are read with a cap of their own.
    const limit = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge })
    app.use((c, next) => (deps.largeBodies?.has(c.req.path) ? next() : limit(c, next)))
    for (const mount of deps.mounts) app.route('/', mount)
  }
  app.notFound((c) => problem(c, 404, 'There is nothing at this address.'))
  app.onError((error, c) => {
    deps.log.error({ err: error, request: c.get('requestId'), path: loggedPath(c) }, 'request failed')
    return problem(c, 500, 'Breeze could not complete this request.')
  })
  return app
}

function observe(deps: HttpDeps) {
  const isTrusted = trustedAddresses(deps.config.trustedProxies)
  const secure = deps.config.publicUrl.startsWith('https:')
  return async (c: Context<HttpEnv>, next: () => Promise<void>) => {
    const began = performance.now()
    const requestId = randomUUID()
    c.set('requestId', requestId)
    c.set(
      'ip',
      clientIp(c.env?.incoming?.socket.remoteAddress ?? null, c.req.header('x-forwarded-for') ?? null, isTrusted),
    )
    await next()
    setSecurityHeaders(c.res.headers, requestId, secure)
    const ms = performance.now() - began
    const route = routePath(c, -1) || '*'
    deps.metrics.requestSeconds.observe({ method: c.req.method, route, status: c.res.status }, ms / 1000)
    deps.log.info(
      {
        request: requestId,
        method: c.req.method,
        path: loggedPath(c),
        status: c.res.status,
        ms: Math.round(ms * 10) / 10,
        ip: c.get('ip'),
        credential: c.get('credentialId'),
      },
      'request',
    )
  }
}

function setSecurityHeaders(headers: Headers, requestId: string, secure: boolean): void {
  headers.set('x-request-id', requestId)
  headers.set('x-content-type-options', 'nosniff')
  headers.set('x-frame-options', 'DENY')
  if (!headers.has('referrer-policy')) headers.set('referrer-policy', 'no-referrer')
  headers.set('cross-origin-opener-policy', 'same-origin')
  if (!headers.has('content-security-policy')) {
    headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  }
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  if (secure) headers.set('strict-transport-security', 'max-age=31536000')
}

const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

function protect(deps: HttpDeps, guard: Guard) {
  return async (c: Context<HttpEnv>, next: () => Promise<void>) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host
    const authorization = deps.authorizationPath?.(c.req.path) ?? null
    if (authorization !== null && !isPublicHost(host, deps.config.publicUrl)) {
      const { publicUrl } = deps.config
      const twin = loopbackTwin(host, publicUrl)
      // A browser that begins under the other name of this computer goes on under the one that all else names.
      if (twin && authorization === 'navigated' && c.req.method === 'GET')
        return c.redirect(publicUrl + c.req.url.slice(new URL(c.req.url).origin.length), 302)
      if (!twin || authorization !== 'described')
        return problem(c, 421, `This address is served under ${publicUrl} only.`)
    }
    if (authorization === 'open' || authorization === 'described') return answerAnyOrigin(c, next)
    const probed = PROBES.has(c.req.path) && isAddressHost(host)
    if (!probed && !guard.allowsHost(host)) return problem(c, 403, 'This host name is not served here.')
    const origin = c.req.header('origin')
    if (origin !== undefined && !guard.allowsOrigin(origin)) {
      return problem(c, 403, 'Requests from this origin are not accepted.')
    }
    const most = deps.largeBodies?.get(c.req.path) ?? MAX_BODY_BYTES
    if (Number(c.req.header('content-length') ?? 0) > most)
      return problem(c, 413, `The request body is over ${Math.floor(most / 1024 / 1024)} MiB.`)
    if (origin !== undefined && c.req.method === 'OPTIONS') {
      return new Response(null, {
        status: 204,
        headers: corsHeaders(origin, c.req.header('access-control-request-headers') ?? ''),
      })
    }
    await next()
    if (origin !== undefined) for (const [name, value] of corsHeaders(origin)) c.res.headers.set(name, value)
  }
}

/** For documents and endpoints that hold nothing of the person in front of the browser. */
async function answerAnyOrigin(c: Context<HttpEnv>, next: () => Promise<void>): Promise<Response | void> {
  if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: openCors(true) })
  await next()
  for (const [name, value] of openCors(false)) c.res.headers.set(name, value)
}

function isPublicHost(host: string, publicUrl: string): boolean {
  const wanted = new URL(publicUrl)
  return /^[\w.[\]:-]+$/.test(host) && URL.parse(`${wanted.protocol}//${host}`)?.host === wanted.host
}

function mountProbes(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/healthz', (c) => c.json({ status: 'ok', version: deps.version }))
  app.get('/readyz', async (c) => {
    const ready = await deps.ready().catch((error: unknown) => {
      deps.log.warn({ err: error }, 'readiness check failed')
      return false
    })
    return c.json({ status: ready ? 'ready' : 'not ready' }, ready ? 200 : 503)
  })
  app.get('/metrics', async (c) => {
    // For scrapers on the machine or its private network; never for what came in through a proxy from outside.
    const forwarded = c.req.header('x-forwarded-for') !== undefined || c.req.header('forwarded') !== undefined
    const ip = c.get('ip')
    if (ip !== null && (!isLocal(ip) || forwarded)) return problem(c, 404, 'There is nothing at this address.')
    return c.text(await deps.metrics.registry.metrics(), 200, { 'content-type': deps.metrics.registry.contentType })
  })
}

function problem(c: Context<HttpEnv>, status: 403 | 404 | 413 | 421 | 500, reason: string): Response {
  const code = CODES[status]
  const error = { code, reason, remedy: REMEDIES[status], request: c.get('requestId') }
  // What has not been read of a refused body must not be read as the next request.
  return c.json({ error }, status, status === 413 ? { connection: 'close' } : {})
}

const tooLarge = (c: Context<HttpEnv>): Response => problem(c, 413, 'The request body is over 1 MiB.')

const CODES = { 403: 'forbidden', 404: 'not_found', 413: 'invalid_input', 421: 'forbidden', 500: 'internal' } as const

const REMEDIES = {
  403: 'Use the address this server is configured with.',
  404: 'Check the path.',
  413: 'Send less at once.',
  421: 'Use the address this server is configured with.',
  500: 'Try again; if it keeps failing, give the request id to your administrator.',
} as const

/** Without the query and without tokens of links, and short: addresses may carry what is not for a log. */
function loggedPath(c: Context<HttpEnv>): string {
  return c.req.path.slice(0, 200).replaceAll(/brz[a-z]*_[\w-]+/g, '<token>')
}
