/** Signing in with another issuer: begun by a browser, ended by the same one. Linking only ever adds to the person who asked. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { begun, type Claims } from '../../identity/providers.ts'
import type { HttpEnv } from '../http/types.ts'
import { notFound, refuse, throttled } from './answers.ts'
import { enter } from './enter.ts'
import { factorsChanged } from './factor-routes.ts'
import { personOf, requireProof, userOf } from './people.ts'
import { recordDone, recordRefused } from './record.ts'
import { returnPath } from './return-to.ts'
import type { ConsoleDeps } from './types.ts'

const PER_MINUTE = 30

/** For what the browser comes back. */
const purpose = z.discriminatedUnion('purpose', [
  z.object({ purpose: z.literal('sign_in'), returnTo: z.string() }),
  z.object({ purpose: z.literal('link'), user: z.string() }),
  z.object({ purpose: z.literal('invitation'), token: z.string() }),
])
type Purpose = z.output<typeof purpose>

/** Navigations, not requests of our pages: the browser comes from, and goes to, somebody else's. */
export function providerNavigation(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.get('/sign-in/provider/:id', async (context) => {
    const { id } = context.req.param()
    if (!deps.providers.has(id)) return context.redirect(problemPage('unknown_provider'))
    const verdict = await deps.limiter.take(`providers:${context.get('ip')}`, PER_MINUTE, 60_000)
    if (!verdict.allowed) return context.redirect(problemPage('rate_limited'))
    const returnTo = returnPath(context.req.query('return_to'), deps.publicUrl)
    const url = await begin(deps, context, id, { purpose: 'sign_in', returnTo })
    return context.redirect(url ?? problemPage('provider_away'))
  })

  routes.get('/sign-in/provider/:id/callback', async (context) => {
    const state = context.req.query('state') ?? null
    const flow = await deps.flows.take('provider', deps.flowCookie.read(context), 'state', state)
    const started = begun.safeParse(flow)
    const wanted = purpose.safeParse(flow)
    if (!started.success || !wanted.success || started.data.provider !== context.req.param('id'))
      return context.redirect(problemPage('expired'))
    const search = new URL(context.req.url).search
    const claims = await deps.providers.finish(started.data, search).catch(() => null)
    if (!claims) {
      await recordRefused(deps, context, null, 'sign_in', 'provider_refused')
      return context.redirect(problemPage('provider_refused'))
    }
    return context.redirect(await finish(deps, context, wanted.data, claims))
  })
  return routes
}

/** Beginnings that need a person or an invitation, and the accounts that are linked. */
export function providerRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.post('/account/providers/:id', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    return beginAnswer(deps, context, { purpose: 'link', user: person.identity.user.id })
  })

  routes.post('/invitations/:token/provider/:id', async (context) => {
    const verdict = await deps.limiter.take(`links:${context.get('ip')}`, PER_MINUTE, 60_000)
    if (!verdict.allowed) return throttled(context, verdict.retryAfterSeconds)
    const { token } = context.req.param()
    if (!(await deps.invitations.look(token))) return notFound(context, 'This invitation opens nothing.')
    return beginAnswer(deps, context, { purpose: 'invitation', token })
  })

  routes.delete('/account/providers/:id', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const { id } = person.identity.user
    const linked = await deps.providerAccounts.list(id)
    if (linked.length === 1 && !person.proofs.password && !person.proofs.passkey) return lastWayIn(context)
    if (!(await deps.providerAccounts.unlink(id, context.req.param('id'))))
      return notFound(context, 'No linked account of yours has this id.')
    await factorsChanged(deps, context, person, 'provider_unlinked')
    return context.json({ removed: true })
  })
  return routes
}

async function beginAnswer(deps: ConsoleDeps, context: Context<HttpEnv>, wanted: Purpose): Promise<Response> {
  const id = context.req.param('id') ?? ''
  if (!deps.providers.has(id)) return notFound(context, 'There is no such provider.')
  const url = await begin(deps, context, id, wanted)
  if (url !== null) return context.json({ redirect_to: url })
  return refuse(context, 503, {
    code: 'unavailable',
    reason: 'The provider can not be reached at the moment.',
    remedy: 'Try again shortly.',
    retry_after_seconds: 10,
  })
}

/** The issuer's page; null when the issuer does not answer. */
async function begin(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  id: string,
  wanted: Purpose,
): Promise<string | null> {
  const started = await deps.providers.begin(id).catch(() => null)
  if (!started) return null
  const flow = await deps.flows.begin('provider', { ...started.begun, ...wanted })
  deps.flowCookie.add(context, flow.token, flow.expiresAt)
  return started.url
}

/** The page that the browser goes to. */
async function finish(deps: ConsoleDeps, context: Context<HttpEnv>, wanted: Purpose, claims: Claims): Promise<string> {
  if (wanted.purpose === 'link') return finishLink(deps, context, wanted.user, claims)
  if (wanted.purpose === 'invitation') return finishInvitation(deps, context, wanted.token, claims)
  const user = await deps.providerAccounts.userOf(claims)
  if (!user) {
    // Whoever has the same address there is not therefore the same person here.
    await recordRefused(deps, context, null, 'sign_in', 'not_linked')
    return problemPage('not_linked')
  }
  // The issuer was chosen by whoever runs this server, and asks for the second factor itself.
  await enter(deps, context, user, ['provider'])
  return returnPath(wanted.returnTo, deps.publicUrl)
}

async function finishLink(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  userId: string,
  claims: Claims,
): Promise<string> {
  const person = await personOf(deps, context)
  if (person?.identity.user.id !== userId) return problemPage('expired')
  if (!(await deps.providerAccounts.link(userOf(person), claims))) return '/account?problem=already_linked'
  await factorsChanged(deps, context, person, 'provider_linked')
  return '/account'
}

async function finishInvitation(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  token: string,
  claims: Claims,
): Promise<string> {
  const user = await deps.invitations.acceptWith(token, claims)
  if (user === null) return problemPage('expired')
  if (typeof user === 'string') return problemPage(user)
  await recordDone(deps, context, user, 'invitation_accepted', { by: 'provider' })
  await enter(deps, context, user, ['provider'])
  return '/'
}

const problemPage = (problem: string): string => `/sign-in?problem=${problem}`

const lastWayIn = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'This is the only way in that you have.',
    remedy: 'Set a password or add a passkey first.',
  })
