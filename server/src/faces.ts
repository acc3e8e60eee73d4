/**
 * The faces of the server, as a part of the composition: who asks over MCP, REST, at the console, with OAuth, and how agents come
 * in. They translate and call the door; none of them decides.
 */
import type { Context } from 'hono'
import { Registry as MetricsRegistry } from 'prom-client'
import type { Logger } from 'pino'
import { enrollRoute } from './adapters/agents/enroll-route.ts'
import type { AgentHub } from './adapters/agents/hub.ts'
import { POLL_BODY_BYTES, pollRoute } from './adapters/agents/poll-route.ts'
import { installRoute } from './adapters/agents/install-route.ts'
import { FlowCookie, SessionCookie } from './adapters/console/cookies.ts'
import { LiveStreams } from './adapters/console/live-streams.ts'
import { consolePages } from './adapters/console/pages.ts'
import { consoleRoutes } from './adapters/console/routes.ts'
import type { ConsoleDeps } from './adapters/console/types.ts'
import { createHttpApp } from './adapters/http/app.ts'
import { createMetrics } from './adapters/http/metrics.ts'
import { RevocableCalls } from './adapters/http/revocable-calls.ts'
import { createOauth, type OauthDeps } from './adapters/oauth/adapter.ts'
import { RESOURCE_METADATA_PATH } from './adapters/oauth/metadata.ts'
import { authorizationPath } from './adapters/oauth/routes.ts'
import { releaseRoute } from './adapters/agents/release-route.ts'
import { AgentProgram } from './agent-program.ts'
import { built } from './built.ts'
import type { Config } from './config.ts'
import type { AgentReleases } from './domains/agent-updates/releases.ts'
import type { Enrollment } from './domains/devices/enrollment.ts'
import type { Credentials } from './identity/services/credentials.ts'
import type { DatabaseAuthenticator } from './identity/authenticator.ts'
import { ENDED_CHECK_MS, endedCredentials } from './identity/ended-credentials.ts'
import { openIdentity } from './identity/identity.ts'
import type { Mail } from './identity/mail.ts'
import type { AuditAppender } from './kernel/audit/appender.ts'
import { isDatabaseAway } from './kernel/database-away.ts'
import type { Environment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import type { Door } from './kernel/door.ts'
import type { Events } from './kernel/events.ts'
import type { LiveCount } from './kernel/live-limits.ts'
import type { Registry } from './kernel/registry.ts'
import { LocalRateLimiter } from './kernel/rate-limit.ts'
import { isAct } from './kernel/tool.ts'
import type { Keys } from './keys/keys.ts'
import { loopbackTwin } from './loopback-twin.ts'
import type { Periodic } from './periodic.ts'
import { VERSION } from './version.ts'

export interface FacesDeps {
  config: Config
  db: Db
  keys: Keys
  environment: Environment
  audit: AuditAppender
  events: Events
  registry: Registry
  door: Door
  authenticator: DatabaseAuthenticator
  adminId: string
  mail: Mail
  credentials: Credentials
  enrollment: Enrollment
  releases: AgentReleases
  hub: AgentHub
  publicUrl: string
  /** The port really listened on. */
  port: number
  heartbeatSeconds: number
  log: Logger
  periodic: Periodic
  /** Throws, or answers false, where nobody can be served now. */
  ready(): Promise<boolean>
  /** Tests only, as the next. */
  documents: OauthDeps['documents'] | undefined
  enrollmentsPerMinute: number | undefined
  longestAskMs: number | undefined
}

export interface Faces {
  fetch: ReturnType<typeof createHttpApp>['app']['fetch']
  /** What their limits have counted so far. */
  counts(): LiveCount[]
  /** Takes no new calls and lets the running ones end. */
  close(): Promise<void>
  /** What calls left behind is done. */
  idle(): Promise<void>
}

const addressOf = (context: Context): string => String(context.get('ip') ?? 'unknown')

export function openFaces(deps: FacesDeps): Faces {
  const { config, db, keys, environment, audit, events, registry, door, authenticator, adminId, mail, credentials } =
    deps
  const { enrollment, hub, publicUrl, port, heartbeatSeconds, log, periodic, ready, documents, enrollmentsPerMinute } =
    deps
  const metrics = createMetrics(new MetricsRegistry())
  const program = new AgentProgram({ bundle: built('agent.cjs'), dataDir: config.dataDir })
  const identity = openIdentity({
    db,
    keys,
    environment,
    publicUrl,
    providers: config.providers,
    adminId: adminId,
    mail,
    credentials,
    identityOf: (userId) =>
      authenticator.userIdentity(userId, { kind: 'session', id: userId, name: 'invitation' }, null),
    onError: (error) => log.error({ err: error }, 'a reset could not be mailed'),
    revoked: (id) => authenticator.revoked(id),
  })
  periodic.every('sessions', 3_600_000, () => identity.sessions.purge())
  periodic.every('browser flows', 600_000, () => identity.flows.purge())
  const cookie = new SessionCookie(publicUrl)
  const limiter = new LocalRateLimiter()
  const oauth = config.oauthEnabled
    ? createOauth({
        db,
        pepper: keys.pepper,
        environment,
        audit,
        publicUrl,
        lifetimes: config.oauthLifetimes,
        perMinute: config.oauthRequestsPerMinute,
        tools: registry.all(),
        limiter,
        log,
        console: { cookie, people: authenticator },
        revoked: (id) => authenticator.revoked(id),
        ...(documents && { documents }),
      })
    : null
  if (oauth) periodic.every('oauth rows', 3_600_000, () => oauth.sweep())
  const calls = new RevocableCalls(door, authenticator)
  const live = new LiveStreams({ events, onRevoked: (listener) => authenticator.onRevoked(listener) })
  const consoleDeps: ConsoleDeps = {
    kernel: calls,
    toolNeedsProof: (name, input) => {
      const tool = registry.get(name)
      return tool !== undefined && tool.needsProof && isAct(tool, input)
    },
    audit,
    people: authenticator,
    ...identity,
    cookie,
    flowCookie: new FlowCookie(publicUrl),
    limiter,
    live,
    metrics,
    publicUrl,
    oauthEnabled: config.oauthEnabled,
    version: VERSION,
    now: environment.now,
  }
  const console = consoleRoutes(consoleDeps, oauth ? [oauth.consent] : [])
  const http = createHttpApp({
    kernel: calls,
    authenticator,
    config: {
      publicUrl,
      host: config.host,
      port,
      trustedProxies: config.trustedProxies,
      limits: config.limits,
      oauthEnabled: config.oauthEnabled,
      ...(oauth && {
        resourceMetadataUrl: (path: string, host: string | null) =>
          `${loopbackTwin(host, publicUrl) ?? publicUrl}${RESOURCE_METADATA_PATH}${path}`,
      }),
    },
    ...(oauth && { authorizationPath }),
    ready,
    metrics,
    log,
    subscribe: (topic, wake) => events.subscribe(topic, wake),
    longestAskMs: deps.longestAskMs,
    version: VERSION,
    largeBodies: POLL_BODY_BYTES,
    mounts: [
      console,
      ...(oauth ? [oauth.routes] : []),
      enrollRoute({
        enrollment,
        signer: keys.commands,
        heartbeatSeconds,
        now: environment.now,
        addressOf,
        log,
        ...(enrollmentsPerMinute !== undefined && { requestsPerMinute: enrollmentsPerMinute }),
      }),
      pollRoute({
        hub,
        now: environment.now,
        addressOf,
        log,
        ...(enrollmentsPerMinute !== undefined && { opensPerMinute: enrollmentsPerMinute }),
      }),
      installRoute({ program, publicUrl, now: environment.now, addressOf, log }),
      releaseRoute({ releases: deps.releases, now: environment.now, addressOf, log }),
      // Last: it answers whatever a browser asks for that nobody else does.
      consolePages(built('web')),
    ],
  })
  // Settings decide who may use what: clients with a stream are told to look again.
  events.subscribe('administration', () => http.mcp.toolsChanged())
  // What other nodes ended: streams and calls that are open here are cut within a second.
  periodic.every('ended credentials', ENDED_CHECK_MS, async () => {
    // While the database is away nobody can end anything; the next look finds what came since.
    const open = new Set([...http.mcp.openCredentials(), ...calls.credentials(), ...live.credentials()])
    const ended = await endedCredentials(db, [...open]).catch((error: unknown) => {
      if (isDatabaseAway(error)) return []
      throw error
    })
    for (const id of ended) authenticator.revoked(id)
  })
  return {
    fetch: http.app.fetch,
    counts: () => http.counts(),
    close: async () => {
      live.close()
      await http.close()
    },
    idle: () => identity.resets.idle(),
  }
}
