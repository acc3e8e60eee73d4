import type { DatabaseAuthenticator } from '../../identity/authenticator.ts'
import type { SecondFactors } from '../../identity/second-factors.ts'
import type { Sessions } from '../../identity/sessions.ts'
import type { PasswordSignIn } from '../../identity/sign-in.ts'
import type { AuditAppender } from '../../kernel/audit/appender.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { RateLimiter } from '../../kernel/rate-limit.ts'
import type { Metrics } from '../http/metrics.ts'
import type { SessionCookie } from './cookies.ts'

/** What the console's routes work with. */
export interface ConsoleDeps {
  kernel: Kernel
  audit: Pick<AuditAppender, 'append'>
  people: Pick<DatabaseAuthenticator, 'session'>
  sessions: Sessions
  passwords: PasswordSignIn
  factors: SecondFactors
  cookie: SessionCookie
  limiter: RateLimiter
  metrics: Metrics
  publicUrl: string
  version: string
  now(): Date
}
