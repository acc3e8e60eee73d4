/** The tools, for the console's pages: the same door, the same answers as over REST. */
import { Hono } from 'hono'
import type { HttpEnv } from '../http/types.ts'
import { readJson } from '../http/json-body.ts'
import { badBody, toolAnswer } from '../rest/answers.ts'
import { countCall } from '../http/metrics.ts'
import { throttled } from './answers.ts'
import { callerOf, needsProof, requirePerson } from './people.ts'
import type { ConsoleDeps } from './types.ts'

/** A page asks for several things at once, a person rarely does. */
const PER_MINUTE = 600
const MINUTE_MS = 60_000

export function toolRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  routes.get('/tools', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    return context.json({ tools: deps.kernel.list(callerOf(person, context), 'console').tools })
  })
  routes.post('/tools/:name', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const caller = callerOf(person, context)
    const verdict = await deps.limiter.take(`console:${caller.credential.id}`, PER_MINUTE, MINUTE_MS)
    if (!verdict.allowed) return throttled(context, verdict.retryAfterSeconds)
    const body = await readJson(context.req.raw)
    if (!body.ok && body.problem !== 'empty') return badBody(context, body.problem)
    const name = context.req.param('name')
    const input = body.ok ? body.value : {}
    const unproven = deps.toolNeedsProof(name, input) ? needsProof(person, context, deps.now()) : null
    if (unproven) return unproven
    const options = { surface: 'console', signal: context.req.raw.signal } as const
    const outcome = await deps.kernel.invoke(caller, name, input, options)
    countCall(deps.metrics, name, 'console', outcome)
    return toolAnswer(context, outcome)
  })
  return routes
}
