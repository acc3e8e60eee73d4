/** The authorization server, put together: its routes, the consent page's API, and its recurring work. */
import { ALL_SCOPES, AREAS, isCoreArea } from '@breeze/contract/governance'
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import type { Draft } from '../../kernel/audit/entry.ts'
import type { AuditAppender } from '../../kernel/audit/appender.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Environment } from '../../kernel/context.ts'
import type { Db } from '../../kernel/db.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { Tool } from '../../kernel/tool.ts'
import { Clients } from '../../oauth/clients.ts'
import { Consents } from '../../oauth/consent.ts'
import { Documents, type DocumentsParts } from '../../oauth/documents.ts'
import { type GrantFacts, Grants } from '../../oauth/grants.ts'
import { Interactions } from '../../oauth/interactions.ts'
import { createProvider } from '../../oauth/provider.ts'
import { Resources } from '../../oauth/resources.ts'
import { AuthorizationServer } from '../../oauth/server.ts'
import type { Lifetimes } from '../../oauth/settings.ts'
import { sweepExpired } from '../../oauth/sweep.ts'
import type { ConsoleDeps } from '../console/types.ts'
import type { HttpEnv } from '../http/types.ts'
import { isMcpPath, MCP_PATH } from '../mcp/paths.ts'
import { consentRoutes } from './consent-routes.ts'
import { AuthorizationCookie } from './cookies.ts'
import { oauthRoutes } from './routes.ts'

export interface OauthDeps {
  db: Db
  pepper: Buffer
  environment: Environment
  audit: Pick<AuditAppender, 'append'>
  publicUrl: string
  lifetimes: Lifetimes
  tools: readonly Tool[]
  limiter: RateLimiter
  log: Logger
  console: Pick<ConsoleDeps, 'cookie' | 'people'>
  /** The authenticator's: open streams of a grant are cut. */
  revoked(grantId: string): void
  /** How documents of clients are fetched; tests only. */
  documents?: Omit<DocumentsParts, 'now'>
  /** Requests a minute from one address to each of authorize and token. */
  perMinute: number
}

export interface Oauth {
  routes: Hono<HttpEnv>
  consent: Hono<HttpEnv>
  /** Programs that registered for nothing, and rows that open nothing any more. */
  sweep(): Promise<void>
}

export function createOauth(deps: OauthDeps): Oauth {
  const { db, pepper, environment, publicUrl, lifetimes } = deps
  const resources = new Resources(publicUrl, MCP_PATH, isMcpPath)
  const documents = new Documents({ now: environment.now, ...deps.documents })
  const clients = new Clients({ db, environment, documents })
  const grants = new Grants({ db, environment, grantSeconds: lifetimes.grantSeconds, revoked: deps.revoked })
  const provider = createProvider({
    db,
    pepper,
    environment,
    issuer: publicUrl,
    resource: resources.canonical,
    grants,
    clients,
    lifetimes,
  })
  const interactions = new Interactions({ provider, db, pepper, environment })
  const server = new AuthorizationServer({
    issuer: publicUrl,
    provider,
    resources,
    grants,
    db,
    pepper,
    environment,
    ended: (grant, because) => recordEnd(deps, grant, because),
    failed: (error) => deps.log.error({ err: error }, 'the authorization server failed'),
  })
  const cookie = new AuthorizationCookie(publicUrl)
  const record = (said: Partial<Draft>, caller: Caller): Promise<string> =>
    deps.audit.append(draftOf(deps, said, caller))
  const consents = new Consents({ clients, grants, interactions, tools: deps.tools, record })
  return {
    routes: oauthRoutes({
      issuer: publicUrl,
      server,
      clients,
      interactions,
      cookie,
      limiter: deps.limiter,
      perMinute: deps.perMinute,
      scopes: offeredScopes(deps.tools),
    }),
    consent: consentRoutes({ consents, interactions, cookie, console: deps.console }),
    sweep: async () => {
      await clients.sweep()
      await sweepExpired(db, environment.now())
    },
  }
}

/** Those of the areas that have tools for assistants; the broad ones always. */
function offeredScopes(tools: readonly Tool[]): string[] {
  const areas = new Set(tools.filter((tool) => tool.surfaces.has('mcp')).map((tool) => tool.area))
  const unused = AREAS.filter((area) => !areas.has(area))
  return ALL_SCOPES.filter((scope) => !unused.some((area) => scope.startsWith(`${area}.`))).filter(
    (scope) =>
      scope.includes(':') ||
      AREAS.some((area) => scope.startsWith(`${area}.`) && (isCoreArea(area) || areas.has(area))),
  )
}

const nothing = {
  callId: null,
  tool: null,
  tier: null,
  decision: null,
  outcome: null,
  code: null,
  reason: null,
  durationMs: null,
  input: null,
} as const

function draftOf(deps: OauthDeps, said: Partial<Draft>, caller: Caller): Draft {
  return {
    ...nothing,
    kind: 'authentication',
    at: deps.environment.now(),
    partnerId: caller.partnerId,
    organizationId: null,
    actor: { userId: caller.user.id, name: caller.user.name },
    credential: { ...caller.credential },
    channel: caller.channel,
    client: caller.client,
    ip: caller.ip,
    action: null,
    details: {},
    ...said,
  }
}

/** Ended by the program itself, or because something was used twice: nobody is there to call a tool for it. */
async function recordEnd(deps: OauthDeps, grant: GrantFacts, because: 'client' | 'reuse'): Promise<void> {
  await deps.audit.append({
    ...nothing,
    kind: 'authentication',
    at: deps.environment.now(),
    partnerId: grant.partnerId,
    organizationId: null,
    actor: { userId: grant.userId, name: grant.userName },
    credential: { kind: 'oauth_grant', id: grant.id, name: grant.clientName },
    channel: 'system',
    client: grant.clientName,
    ip: null,
    action: because === 'reuse' ? 'token_reuse' : 'revoke_token',
    reason: because === 'reuse' ? 'a code or refresh token was used twice; the grant is revoked' : null,
    details: { grant: grant.id, client: grant.clientId, because },
  })
}
