/** Where links lead: invitations, and new passwords. Whoever holds the link is let in once; a wrong one is like an old one. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { nameField } from '../../identity/fields.ts'
import { passwordField, passwordProblem } from '../../identity/password-rules.ts'
import type { HttpEnv } from '../http/types.ts'
import { badInput, expired, refuse, throttled } from './answers.ts'
import { bodyOf } from './body.ts'
import { enter, firstProof } from './enter.ts'
import { recordDone, recordRefused } from './record.ts'
import type { ConsoleDeps } from './types.ts'

const acceptance = z.object({ name: nameField, password: passwordField })
const newPassword = z.object({ password: passwordField })
const request = z.object({ email: z.string().min(1).max(320) })
const PER_MINUTE = 30
const MAILS_PER_HOUR = 10
const HOUR_MS = 3_600_000

export function linkRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  const held = async (context: Context<HttpEnv>): Promise<Response | null> => {
    const verdict = await deps.limiter.take(`links:${context.get('ip')}`, PER_MINUTE, 60_000)
    return verdict.allowed ? null : throttled(context, verdict.retryAfterSeconds)
  }

  routes.get('/invitations/:token', async (context) => {
    const wait = await held(context)
    if (wait) return wait
    const open = await deps.invitations.look(context.req.param('token'))
    if (!open) return noInvitation(context)
    const { email, name, organization, roles, expiresAt } = open
    return context.json({ email, name, organization, role: roles, expires_at: expiresAt.toISOString() })
  })

  routes.post('/invitations/:token', async (context) => {
    const wait = await held(context)
    if (wait) return wait
    const body = await bodyOf(context, acceptance, 'A name and a password are needed.')
    if (body instanceof Response) return body
    const token = context.req.param('token')
    const open = await deps.invitations.look(token)
    if (!open) return noInvitation(context)
    const problem = passwordProblem(body.password, open.email)
    if (problem) return badInput(context, problem)
    const user = await deps.invitations.accept(token, body)
    if (user === 'email_taken') return emailTaken(context)
    if (!user) return noInvitation(context)
    await recordDone(deps, context, user, 'invitation_accepted', { invitation: open.id })
    return context.json(await enter(deps, context, user, ['password']))
  })

  routes.get('/resets/:token', async (context) => {
    const wait = await held(context)
    if (wait) return wait
    const open = await deps.resets.look(context.req.param('token'))
    if (!open) return noReset(context)
    return context.json({ email: open.user.email, name: open.user.name, expires_at: open.expiresAt.toISOString() })
  })

  routes.post('/resets/:token', async (context) => {
    const wait = await held(context)
    if (wait) return wait
    const body = await bodyOf(context, newPassword, 'A password is needed.')
    if (body instanceof Response) return body
    const token = context.req.param('token')
    const open = await deps.resets.look(token)
    if (!open) {
      await recordRefused(deps, context, null, 'password_reset', 'expired')
      return noReset(context)
    }
    const problem = passwordProblem(body.password, open.user.email)
    if (problem) return badInput(context, problem)
    const user = await deps.resets.use(token, body.password)
    if (!user) return noReset(context)
    await deps.sessions.endOthers(user.id, null)
    await recordDone(deps, context, user, 'password_reset')
    return context.json(await firstProof(deps, context, user, 'password'))
  })

  routes.post('/resets', async (context) => {
    const body = await bodyOf(context, request, 'An e-mail address is needed.')
    if (body instanceof Response) return body
    const verdict = await deps.limiter.take(`reset-mails:${context.get('ip')}`, MAILS_PER_HOUR, HOUR_MS)
    if (verdict.allowed) deps.resets.request(body.email)
    return context.json({ state: 'requested' })
  })
  return routes
}

const noInvitation = (context: Context<HttpEnv>): Response =>
  expired(
    context,
    'This invitation does not exist, was used, or is no longer valid.',
    'Ask whoever invited you for a new one.',
  )

const noReset = (context: Context<HttpEnv>): Response =>
  expired(
    context,
    'This link does not exist, was used, or is no longer valid.',
    'Ask for a new one on the sign-in page, or ask an administrator.',
  )

const emailTaken = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'Somebody with this e-mail address is a user already.',
    remedy: 'Sign in instead.',
  })
