/** What keeps the pages live: a stream of "look again". */
import { Hono } from 'hono'
import type { HttpEnv } from '../http/types.ts'
import { throttled } from './answers.ts'
import { callerOf, requirePerson } from './people.ts'
import type { ConsoleDeps } from './types.ts'

/** A tab opens one each time it comes into sight, and one a minute while it is. */
const PER_MINUTE = 60
const MINUTE_MS = 60_000
const BUSY_RETRY_SECONDS = 30

export function liveRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  routes.get('/live', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const caller = callerOf(person, context)
    const verdict = await deps.limiter.take(`live:${caller.credential.id}`, PER_MINUTE, MINUTE_MS)
    if (!verdict.allowed) return throttled(context, verdict.retryAfterSeconds)
    const body = deps.live.open(person, caller)
    if (!body) return throttled(context, BUSY_RETRY_SECONDS)
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      },
    })
  })
  return routes
}
