/** What the consent page asks and says. Our own session tells who decides; the cookie, that it began in this browser. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import type { ClientFacts } from '../../oauth/clients.ts'
import type { Consents, Decided } from '../../oauth/consent.ts'
import type { Interactions, PendingConsent } from '../../oauth/interactions.ts'
import { badInput, refuse, unauthenticated } from '../console/answers.ts'
import { callerOf, personOf } from '../console/people.ts'
import type { ConsoleDeps } from '../console/types.ts'
import { readJson } from '../http/json-body.ts'
import type { HttpEnv } from '../http/types.ts'
import type { AuthorizationCookie } from './cookies.ts'

export interface ConsentRouteDeps {
  consents: Consents
  interactions: Interactions
  cookie: AuthorizationCookie
  console: Pick<ConsoleDeps, 'cookie' | 'people'>
}

/** From the page that was read: another sign-in in this browser, or another name of the program, is another question. */
const seen = z.string().max(100)
const decision = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('approve'),
    seen,
    scopes: z.array(z.string().max(64)).max(100),
    organizations: z.union([z.literal('all'), z.array(z.uuid()).max(2000)]),
  }),
  z.object({ decision: z.literal('deny'), seen }),
])

interface Asked {
  pending: PendingConsent
  client: ClientFacts
  person: ConsolePerson
  caller: Caller
}

export function consentRoutes(deps: ConsentRouteDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()
  routes.get('/consent/:uid', async (context) => {
    const asked = await whatIsAsked(deps, context, context.req.param('uid'))
    if (asked instanceof Response) return asked
    const { pending, client, caller, person } = asked
    const user = { name: caller.user.name, email: person.email }
    const shown = deps.interactions.seen(pending.uid, caller.credential.id, client)
    return context.json({ ...(await deps.consents.view(pending, client, caller)), user, seen: shown })
  })
  routes.post('/consent/:uid', async (context) => {
    const asked = await whatIsAsked(deps, context, context.req.param('uid'))
    if (asked instanceof Response) return asked
    const body = await readJson(context.req.raw, 128 * 1024)
    const parsed = decision.safeParse(body.ok ? body.value : undefined)
    if (!parsed.success) return badInput(context, 'The decision can not be read.')
    const { pending, client, caller } = asked
    if (!deps.interactions.wasSeen(parsed.data.seen, pending.uid, caller.credential.id, client)) return changed(context)
    const decided =
      parsed.data.decision === 'deny'
        ? await deps.consents.deny(pending, client, caller)
        : await deps.consents.approve(pending, client, caller, parsed.data)
    return decided.ok ? context.json({ redirect_to: decided.goTo }) : notDecided(context, decided)
  })
  return routes
}

async function whatIsAsked(deps: ConsentRouteDeps, context: Context<HttpEnv>, uid: string): Promise<Asked | Response> {
  const pending = await deps.interactions.pending(uid)
  if (!pending) return expired(context)
  if (!deps.interactions.proves(uid, deps.cookie.read(context))) return otherBrowser(context)
  const person = await personOf(deps.console, context)
  if (!person) return unauthenticated(context)
  const client = await deps.consents.client(pending)
  if (!client) return expired(context)
  return { pending, client, person, caller: callerOf(person, context) }
}

const expired = (context: Context<HttpEnv>): Response =>
  refuse(context, 404, {
    code: 'expired',
    reason: 'This request to connect has ended or was decided already.',
    remedy: 'Start connecting again in your assistant.',
  })

const otherBrowser = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'other_browser',
    reason: 'This request to connect began in another browser.',
    remedy:
      'Go on in the browser in which you started, or start again here. If somebody sent you this link, close the page.',
  })

const changed = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'Since this page was shown, somebody signed in anew in this browser, or the program changed its name.',
    remedy: 'Read the request again before you decide.',
  })

function notDecided(context: Context<HttpEnv>, decided: Extract<Decided, { ok: false }>): Response {
  if (decided.problem === 'decided') return expired(context)
  if (decided.problem === 'invalid') return badInput(context, decided.reason)
  return refuse(context, 403, { code: 'forbidden', reason: decided.reason, remedy: 'Change the selection.' })
}
