/**
 * The MCP side: its addresses, its legs and what they share. Tools are the kernel's business; nothing here decides who
 * may do what.
 */
import { createMcpHandler } from '@modelcontextprotocol/server'
import { type Context, Hono } from 'hono'
import type { ListingFilter } from '../../kernel/kernel.ts'
import type { LiveCount } from '../../kernel/live-limits.ts'
import type { Gate } from '../http/credentials.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { HttpDeps, HttpEnv } from '../http/types.ts'
import type { Fixtures } from './fixtures.ts'
import { InFlight } from './in-flight.ts'
import { ToolLists } from './listing.ts'
import { AREAS_PATH, DIRECTORY_PATH, MCP_PATH, MESSAGES_PATH, SSE_PATH, areasFilter } from './paths.ts'
import { type Address, Pipeline } from './pipeline.ts'
import { operationTasks } from './operation-tasks.ts'
import { type Principal, callerOf } from './principal.ts'
import type { TaskListening } from './task-stream.ts'
import { type BuildOptions, type ServerKit, buildServer } from './server.ts'
import { type SessionLimits, Sessions } from './sessions.ts'
import { SseLeg } from './sse-leg.ts'
import { Streams } from './streams.ts'

/** Open `subscriptions/listen` streams of all callers together; each credential has its own, lower cap. */
const MAX_LISTENERS = 10_000
/** Changes within this time are told once. */
const COALESCE_MS = 100
/** How long a stop waits for calls under way; their work goes on in any case. */
const DRAIN_MS = 10_000
const FLUSH_MS = 50

export interface McpDeps extends HttpDeps {
  gate: Gate
  limiter: RateLimiter
  sessions?: SessionLimits
  /** How often the credential of an open stream is looked up again. */
  recheckMs?: number
}

export interface McpAdapter {
  routes: Hono<HttpEnv>
  /** Tells every client with a stream that its tools may have changed. */
  toolsChanged(): void
  /** Credentials that hold a stream open here. */
  openCredentials(): string[]
  /** How many streams each credential holds open here. */
  openStreams(): LiveCount[]
  /** Answers no new message, lets the calls under way answer, then ends every stream and session. */
  close(): Promise<void>
}

/** `fixtures` exist for the conformance suite; no production composition passes them. */
export function createMcpAdapter(deps: McpDeps, fixtures: Fixtures | null = null): McpAdapter {
  const modernTools = new WeakMap<Request, string>()
  const build = (options: BuildOptions) => buildServer(kit, options)
  const modern = createMcpHandler(
    ({ requestInfo }) =>
      build({ streams: true, tasks: true, tool: (requestInfo && modernTools.get(requestInfo)) ?? null }),
    { legacy: 'reject', maxSubscriptions: MAX_LISTENERS, onerror: (error) => deps.log.debug({ err: error }, 'mcp') },
  )
  const inFlight = new InFlight()
  const kit: ServerKit = { ...deps, lists: new ToolLists(deps.kernel), inFlight, fixtures, notify: modern.notify }
  const withStream = () => build({ streams: true, tasks: false, tool: null })
  const sessions = new Sessions(withStream, deps.metrics, deps.sessions)
  const sse = new SseLeg(withStream)
  const streams = new Streams({ ...deps, limits: deps.config.limits })
  const forget = deps.authenticator.onRevoked((credentialId) => sessions.endOf(credentialId))
  const stateless = () => build({ streams: false, tasks: false, tool: null })
  const tasksOf = (principal: Principal): TaskListening => ({
    async source() {
      const identity = await deps.authenticator.authenticate(principal.presented)
      return identity && (fixtures?.tasks ?? operationTasks(kit, callerOf({ ...principal, identity })))
    },
    subscribe: (taskId, wake) => {
      const ends = [`operation:${taskId}`, 'approvals'].map((topic) => deps.subscribe?.(topic, wake))
      return () => ends.forEach((end) => end?.())
    },
    failed: (error) => deps.log.debug({ err: error }, 'a task could not be told of'),
  })
  const pipeline = new Pipeline(deps, { modern, modernTools, sessions, sse, streams, stateless, tasksOf })

  const announce = coalesced(() => {
    modern.notify.toolsChanged()
    for (const { server } of [...sessions.servers(), ...sse.servers()]) {
      server.sendToolListChanged().catch((error: unknown) => deps.log.debug({ err: error }, 'a client has gone'))
    }
  })
  return {
    routes: routesOf(pipeline),
    toolsChanged: announce,
    openCredentials: () => streams.credentials(),
    openStreams: () => streams.counts(),
    async close() {
      pipeline.close()
      await inFlight.idle(DRAIN_MS)
      // The last answers leave before their streams do.
      await new Promise((resolve) => setTimeout(resolve, FLUSH_MS))
      forget()
      streams.close()
      await Promise.all([modern.close(), sessions.close(), sse.close()])
    },
  }
}

function routesOf(pipeline: Pipeline): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  const at = (kind: Address['kind'], filter: ListingFilter) => (c: Context<HttpEnv>) =>
    pipeline.serve(c, { kind, filter })
  routes.all(MCP_PATH, at('main', {}))
  routes.all(DIRECTORY_PATH, at('main', { pure: true }))
  routes.all(SSE_PATH, at('sse', {}))
  routes.all(MESSAGES_PATH, at('messages', {}))
  routes.all(AREAS_PATH, (c) => pipeline.serve(c, { kind: 'main', filter: areasFilter(c.req.param('areas')) }))
  return routes
}

/** Runs at once, then at most once per interval however often it is called. */
function coalesced(run: () => void): () => void {
  let waiting: NodeJS.Timeout | null = null
  let again = false
  const tick = () => {
    waiting = null
    if (again) start()
  }
  const start = () => {
    again = false
    run()
    waiting = setTimeout(tick, COALESCE_MS)
    waiting.unref()
  }
  return () => {
    if (waiting) again = true
    else start()
  }
}
