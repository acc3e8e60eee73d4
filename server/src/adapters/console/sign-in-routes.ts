/** Signing in by password, and by the code that completes it. */
import { Hono } from 'hono'
import { z } from 'zod'
import type { HttpEnv } from '../http/types.ts'
import { expired, throttled, wrongCode, wrongCredentials } from './answers.ts'
import { bodyOf } from './body.ts'
import { enter, firstProof } from './enter.ts'
import { recordRefused } from './record.ts'
import type { ConsoleDeps } from './types.ts'

const credentials = z.object({ email: z.string().min(1).max(320), password: z.string().min(1).max(1000) })
export const codeBody = z.object({ code: z.string().min(1).max(40) })

export function signInRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.post('/sign-in', async (context) => {
    const body = await bodyOf(context, credentials, 'Email and password are needed.')
    if (body instanceof Response) return body
    const verdict = await deps.passwords.check(body.email, body.password, context.get('ip'))
    if (verdict.state === 'throttled') {
      await recordRefused(deps, context, null, 'sign_in', 'rate_limited')
      return throttled(context, verdict.retryAfterSeconds)
    }
    if (verdict.state === 'wrong') {
      await recordRefused(deps, context, null, 'sign_in', 'wrong_credentials')
      return wrongCredentials(context)
    }
    return context.json(await firstProof(deps, context, verdict.user, 'password'))
  })

  routes.post('/sign-in/code', async (context) => {
    const body = await bodyOf(context, codeBody, 'A code is needed.')
    if (body instanceof Response) return body
    const pending = await deps.sessions.pending(deps.cookie.read(context))
    if (!pending) return expired(context, 'This sign-in is no longer open.', 'Begin again with your password.')
    const { user } = pending
    const wait = deps.passwords.secondFactorWait(user.id, context.get('ip'))
    if (wait > 0) {
      await recordRefused(deps, context, user, 'sign_in', 'rate_limited')
      return throttled(context, wait)
    }
    const method = await deps.factors.check(user.id, body.code)
    if (!method) {
      await recordRefused(deps, context, user, 'sign_in', 'second_factor_wrong')
      return wrongCode(context)
    }
    deps.passwords.proven(user.id, context.get('ip'))
    return context.json(await enter(deps, context, user, [...pending.methods, method]))
  })
  return routes
}
