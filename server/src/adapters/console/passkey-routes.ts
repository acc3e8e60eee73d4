/** Signing in with a passkey, alone or as the second factor, and keeping one's passkeys. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { nameField } from '../../identity/fields.ts'
import type { KnownUser } from '../../identity/sign-in.ts'
import type { HttpEnv } from '../http/types.ts'
import { expired, notFound, refuse, throttled } from './answers.ts'
import { bodyOf } from './body.ts'
import { enter } from './enter.ts'
import { factorsChanged } from './factor-routes.ts'
import { personOf, requireProof, userOf } from './people.ts'
import { recordRefused } from './record.ts'
import type { ConsoleDeps } from './types.ts'

const text = z.string().max(20_000)
/** The parts that are read (WebAuthn level 3, §5.1): the library judges their content. */
export const assertion = z.object({
  id: z.string().min(1).max(1400),
  rawId: z.string().min(1).max(1400),
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: z.string().max(200).nullish(),
  }),
})
const registration = z.object({
  name: nameField.default('Passkey'),
  response: z.object({
    id: z.string().min(1).max(1400),
    rawId: z.string().min(1).max(1400),
    type: z.literal('public-key'),
    response: z.object({
      clientDataJSON: text,
      attestationObject: text,
      transports: z.array(z.string().max(20)).max(10).optional(),
    }),
  }),
})
const PER_MINUTE = 60

export function passkeyRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  /** For whoever is known by now: signed in (to prove it again), or past the password. */
  routes.post('/sign-in/passkey/options', async (context) => {
    const verdict = await deps.limiter.take(`passkeys:${context.get('ip')}`, PER_MINUTE, 60_000)
    if (!verdict.allowed) return throttled(context, verdict.retryAfterSeconds)
    const known =
      (await personOf(deps, context))?.identity.user.id ??
      (await deps.sessions.pending(deps.cookie.read(context)))?.user.id ??
      null
    const options = await deps.passkeys.signInOptions(known)
    await begin(deps, context, 'passkey_sign_in', { challenge: options.challenge, user: known })
    return context.json(options)
  })

  routes.post('/sign-in/passkey', async (context) => {
    const body = await bodyOf(context, assertion, 'The answer of a passkey is needed.')
    if (body instanceof Response) return body
    const pending = await deps.sessions.pending(deps.cookie.read(context))
    const user = await provenBy(deps, context, body, pending?.user.id ?? null)
    if (!user) {
      await recordRefused(deps, context, pending?.user ?? null, 'sign_in', 'passkey_refused')
      return wrongPasskey(context, 401)
    }
    return context.json(await enter(deps, context, user, [...(pending?.methods ?? []), 'passkey']))
  })

  routes.post('/account/passkeys/options', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const options = await deps.passkeys.registrationOptions(userOf(person))
    await begin(deps, context, 'passkey_register', { challenge: options.challenge, user: person.identity.user.id })
    return context.json(options)
  })

  routes.post('/account/passkeys', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const body = await bodyOf(context, registration, 'A name and the answer of a passkey are needed.')
    if (body instanceof Response) return body
    const { clientDataJSON } = body.response.response
    const flow = await begun(deps, context, 'passkey_register', clientDataJSON)
    if (!flow || flow.user !== person.identity.user.id)
      return expired(context, 'This registration is no longer open.', 'Begin again.')
    const user = userOf(person)
    const response = { ...body.response, clientExtensionResults: {} }
    const added = await deps.passkeys.register(user, body.name, flow.challenge, withTransports(response))
    if (added === null) return wrongPasskey(context, 403)
    if (added === 'taken') return notAdded(context)
    await factorsChanged(deps, context, person, 'passkey_added')
    const codes = person.proofs.recovery ? null : await deps.factors.renewRecoveryCodes(user)
    return context.json({ id: added, name: body.name, ...(codes && { recovery_codes: codes }) })
  })

  routes.delete('/account/passkeys/:id', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const removed = await deps.passkeys.remove(person.identity.user.id, context.req.param('id'))
    if (!removed) return notFound(context, 'No passkey of yours has this id.')
    await factorsChanged(deps, context, person, 'passkey_removed')
    return context.json({ removed: true })
  })
  return routes
}

/** The person whose passkey answered this browser's challenge. `expected`: only that one will do. */
export async function provenBy(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  { id, rawId, type, response }: z.output<typeof assertion>,
  expected: string | null,
): Promise<KnownUser | null> {
  const flow = await begun(deps, context, 'passkey_sign_in', response.clientDataJSON)
  if (!flow || flow.user !== expected) return null
  const { userHandle, ...rest } = response
  return deps.passkeys.verify(expected, flow.challenge, {
    id,
    rawId,
    type,
    response: { ...rest, ...(userHandle && { userHandle }) },
    clientExtensionResults: {},
  })
}

export const wrongPasskey = (context: Context<HttpEnv>, status: 401 | 403): Response =>
  refuse(context, status, {
    code: 'wrong_credentials',
    reason: 'This passkey was not accepted.',
    remedy: 'Try again, or sign in another way.',
  })

type PasskeyFlow = 'passkey_sign_in' | 'passkey_register'
const challenge = z.object({ challenge: z.string(), user: z.string().nullable() })
type Challenge = z.output<typeof challenge>

async function begin(deps: ConsoleDeps, context: Context<HttpEnv>, kind: PasskeyFlow, data: Challenge): Promise<void> {
  const flow = await deps.flows.begin(kind, data)
  deps.flowCookie.add(context, flow.token, flow.expiresAt)
}

/** What this browser began with the challenge that the passkey answered. */
async function begun(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  kind: PasskeyFlow,
  clientData: string,
): Promise<Challenge | null> {
  const flow = await deps.flows.take(kind, deps.flowCookie.read(context), 'challenge', challengeIn(clientData))
  return challenge.safeParse(flow).data ?? null
}

/** Whether it is the right one, and for us, is judged later. */
function challengeIn(clientData: string): string | null {
  try {
    const said: unknown = JSON.parse(Buffer.from(clientData, 'base64url').toString('utf8'))
    return challenge.pick({ challenge: true }).safeParse(said).data?.challenge ?? null
  } catch {
    // Not what a browser sends.
    return null
  }
}

/** The library's type knows today's transports only; they are filtered by form before they are stored. */
const withTransports = (response: unknown) => response as Parameters<ConsoleDeps['passkeys']['register']>[3]

const notAdded = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'This passkey is registered already, or you have as many as there may be.',
    remedy: 'Remove one first, or use another device.',
  })
