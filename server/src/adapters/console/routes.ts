/** The console's JSON API, for our own pages only. */
import { Hono } from 'hono'
import { isDatabaseAway } from '../../kernel/database-away.ts'
import type { HttpEnv } from '../http/types.ts'
import { refuse } from './answers.ts'
import { sameOrigin } from './same-origin.ts'
import { accountRoutes } from './account-routes.ts'
import { factorRoutes } from './factor-routes.ts'
import { liveRoutes } from './live-routes.ts'
import { linkRoutes } from './link-routes.ts'
import { passkeyRoutes } from './passkey-routes.ts'
import { providerNavigation, providerRoutes } from './provider-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { setupRoutes } from './setup-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { stepUpRoutes } from './step-up-routes.ts'
import { toolRoutes } from './tool-routes.ts'
import type { ConsoleDeps } from './types.ts'

export const CONSOLE_API = '/api/console'

export function consoleRoutes(deps: ConsoleDeps, more: readonly Hono<HttpEnv>[] = []): Hono<HttpEnv> {
  const api = new Hono<HttpEnv>()
  api.route('/', providerNavigation(deps))
  api.use('*', sameOrigin(deps.publicUrl))
  const own = [
    sessionRoutes,
    signInRoutes,
    stepUpRoutes,
    setupRoutes,
    linkRoutes,
    accountRoutes,
    factorRoutes,
    passkeyRoutes,
    providerRoutes,
    toolRoutes,
    liveRoutes,
  ].map((make) => make(deps))
  for (const routes of [...own, ...more]) api.route('/', routes)
  api.onError((error, context) => {
    if (!isDatabaseAway(error)) throw error
    return refuse(context, 503, {
      code: 'unavailable',
      reason: 'The database can not be reached at the moment.',
      remedy: 'Try again shortly.',
      retry_after_seconds: 5,
    })
  })
  const app = new Hono<HttpEnv>()
  app.route(CONSOLE_API, api)
  return app
}
