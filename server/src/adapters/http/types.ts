/** What the HTTP adapters need from the composition root. Plain data and interfaces; nothing here reads the environment. */
import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Logger } from 'pino'
import type { Authenticator } from '../../identity/authenticate.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { Metrics } from './metrics.ts'

export interface Limits {
  /** Authenticated messages a minute, per credential, over all transports. */
  messagesPerMinute: number
  /** Streams opened a minute, per credential. */
  sseConnectionsPerMinute: number
  /** Streams open at once, per credential. */
  sseSessions: number
}

export interface HttpConfig {
  /** Origin under which clients reach this server, e.g. `https://rmm.example.com`. */
  publicUrl: string
  /** Address this process listens on; loopback addresses let `localhost` and its aliases in. */
  host: string
  port: number
  /** Addresses or CIDR blocks whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  limits: Limits
  oauthEnabled: boolean
  /** URL of the protected-resource metadata of a path (RFC 9728), as this Host names us; absent without an authorization server. */
  resourceMetadataUrl?: (path: string, host: string | null) => string
}

export interface HttpDeps {
  kernel: Kernel
  authenticator: Authenticator
  config: HttpConfig
  /** Whether calls can be served now: the database answers and the server is not draining. */
  ready(): Promise<boolean>
  metrics: Metrics
  log: Logger
  version: string
  /** Further routes, mounted at the root behind the same guard, body cap and error handling. */
  mounts?: readonly Hono<HttpEnv>[]
  /**
   * Paths of the authorization server. Served only under the public URL's own host (421 elsewhere). `open` ones answer every
   * origin, without cookies: programs that run in a browser ask them; `described` ones as well, and also under the other loopback
   * name, as they describe what was asked for by that name; `navigated` ones are opened by people.
   */
  authorizationPath?: (path: string) => 'open' | 'described' | 'navigated' | null
  /** Paths of those whose bodies may be larger than others', in bytes. They count what they read themselves. */
  largeBodies?: ReadonlyMap<string, number>
  /** Wake-ups of this node: what is told by them is looked up again. */
  subscribe?: (topic: string, wake: () => void) => () => void
  /** How long a call waits for the person it asks; 40 s unless a test is in a hurry. */
  longestAskMs?: number | undefined
}

export interface HttpEnv {
  /** Absent where a request did not come through a socket (tests). */
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    /** The client's address, resolved through the trusted proxies. */
    ip: string | null
    /** Set once a request has authenticated; for the access log. */
    credentialId?: string
  }
}
