/** The first administrator's account, made their own with the token of the first start. */
import { Hono } from 'hono'
import { z } from 'zod'
import { nameField } from '../../identity/fields.ts'
import { passwordField, passwordProblem } from '../../identity/password-rules.ts'
import type { HttpEnv } from '../http/types.ts'
import { badInput, expired, refuse, throttled } from './answers.ts'
import { bodyOf } from './body.ts'
import { enter } from './enter.ts'
import { recordDone, recordRefused } from './record.ts'
import type { ConsoleDeps } from './types.ts'

const input = z.object({
  token: z.string().trim().min(1).max(200),
  name: nameField,
  email: z.email().max(254),
  password: passwordField,
})
const PER_MINUTE = 20

export function setupRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  routes.post('/setup', async (context) => {
    const verdict = await deps.limiter.take(`setup:${context.get('ip')}`, PER_MINUTE, 60_000)
    if (!verdict.allowed) return throttled(context, verdict.retryAfterSeconds)
    const body = await bodyOf(context, input, 'The token, a name, an e-mail address and a password are needed.')
    if (body instanceof Response) return body
    const problem = passwordProblem(body.password, body.email)
    if (problem) return badInput(context, problem)
    const admin = await deps.setup.complete(body.token, body)
    if (admin === 'email_taken') {
      const reason = 'This e-mail address is taken.'
      return refuse(context, 409, { code: 'conflict', reason, remedy: 'Use another address.' })
    }
    if (!admin) {
      await recordRefused(deps, context, null, 'setup', 'expired')
      return expired(context, 'This set-up token is wrong, or the server is set up.', 'Sign in instead.')
    }
    await recordDone(deps, context, admin, 'setup')
    return context.json(await enter(deps, context, admin, ['password']))
  })
  return routes
}
