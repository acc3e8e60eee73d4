import type { DatabaseAuthenticator } from '../../identity/authenticator.ts'
import type { IdentityServices } from '../../identity/identity.ts'
import type { AuditAppender } from '../../kernel/audit/appender.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { Metrics } from '../http/metrics.ts'
import type { FlowCookie, SessionCookie } from './cookies.ts'
import type { LiveStreams } from './live-streams.ts'

/** What the console's routes work with. */
export interface ConsoleDeps extends IdentityServices {
  kernel: Kernel
  /** Whether a call of a tool asks for a fresh proof of who one is. */
  toolNeedsProof(name: string, input: unknown): boolean
  audit: Pick<AuditAppender, 'append'>
  people: Pick<DatabaseAuthenticator, 'session'>
  cookie: SessionCookie
  flowCookie: FlowCookie
  limiter: RateLimiter
  live: LiveStreams
  metrics: Metrics
  publicUrl: string
  oauthEnabled: boolean
  version: string
  now(): Date
}
