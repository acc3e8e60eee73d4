/**
 * Who may send a request with the session's cookie: our own pages. A form or image of another site can send the cookie, but
 * neither this header nor JSON; a script of another origin would be asked for first, and is refused by the guard.
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { HttpEnv } from '../http/types.ts'
import { refuse } from './answers.ts'

export const CONSOLE_HEADER = 'x-breeze-console'

export function sameOrigin(publicUrl: string): MiddlewareHandler<HttpEnv> {
  const ours = new URL(publicUrl).origin
  return async (context, next) => {
    const site = context.req.header('sec-fetch-site')
    const fromHere = site === undefined || site === 'same-origin'
    const json = context.req.method === 'GET' || /^application\/json\b/i.test(context.req.header('content-type') ?? '')
    if (context.req.header(CONSOLE_HEADER) === '1' && fromHere && json && hasOwnOrigin(context, ours)) return next()
    return refuse(context, 403, {
      code: 'forbidden',
      reason: 'This address is for the console only.',
      remedy: 'Use the tools under /api/v1/tools with a key.',
    })
  }
}

/** Another server on this machine shares our cookies (they know no port), and the guard lets the loopback interface in. */
function hasOwnOrigin(context: Context<HttpEnv>, ours: string): boolean {
  const origin = context.req.header('origin')
  return origin === undefined || origin === ours || URL.parse(origin)?.host === context.req.header('host')
}
