/** Proving again who one is, for settings that a stolen browser must not reach. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import type { HttpEnv } from '../http/types.ts'
import { refuse, throttled, wrongCode } from './answers.ts'
import { bodyOf } from './body.ts'
import { assertion, provenBy, wrongPasskey } from './passkey-routes.ts'
import { PROOF_MS, requirePerson, stepUpRequired, userOf } from './people.ts'
import { recordDone, recordRefused } from './record.ts'
import { codeBody } from './sign-in-routes.ts'
import type { ConsoleDeps } from './types.ts'

const proof = z.union([
  z.object({ password: z.string().min(1).max(1000) }),
  codeBody,
  z.object({ passkey: assertion }),
  assertion.transform((passkey) => ({ passkey })),
])

export function stepUpRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.post('/step-up', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const body = await bodyOf(context, proof, 'A password, a code or a passkey is needed.')
    if (body instanceof Response) return body
    const refused = await refusalOf(deps, context, person, body)
    if (refused) return refused
    const at = await deps.sessions.prove(person.identity.credential.id)
    await recordDone(deps, context, userOf(person), 'step_up', { method: Object.keys(body)[0] })
    return context.json({ until: new Date(at.getTime() + PROOF_MS).toISOString() })
  })
  return routes
}

function refusalOf(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  body: z.output<typeof proof>,
): Promise<Response | null> {
  if ('code' in body) return refuseCode(deps, context, person, body.code)
  if ('password' in body) return refusePassword(deps, context, person, body.password)
  return refusePasskey(deps, context, person, body.passkey)
}

async function refusePasskey(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  passkey: z.output<typeof assertion>,
): Promise<Response | null> {
  if (await provenBy(deps, context, passkey, person.identity.user.id)) return null
  await recordRefused(deps, context, userOf(person), 'step_up', 'passkey_refused')
  return wrongPasskey(context, 403)
}

/** Null when the password is the person's own and enough: with a second factor, the password is not what proves anything. */
async function refusePassword(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  password: string,
): Promise<Response | null> {
  if (person.proofs.totp || person.proofs.passkey) return stepUpRequired(person, context)
  return wrongPassword(deps, context, person, password, 'step_up')
}

export async function wrongPassword(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  password: string,
  action: string,
): Promise<Response | null> {
  const verdict = await deps.passwords.check(person.email, password, context.get('ip'))
  if (verdict.state === 'throttled') return throttled(context, verdict.retryAfterSeconds)
  if (verdict.state === 'right' && verdict.user.id === person.identity.user.id) return null
  await recordRefused(deps, context, userOf(person), action, 'wrong_credentials')
  return refuse(context, 403, {
    code: 'wrong_credentials',
    reason: 'The password is wrong.',
    remedy: 'Try again.',
  })
}

async function refuseCode(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  code: string,
): Promise<Response | null> {
  const { id } = person.identity.user
  const wait = deps.passwords.secondFactorWait(id, context.get('ip'))
  if (wait > 0) return throttled(context, wait)
  // Recovery codes of a person without a second factor do not exist.
  if (await deps.factors.check(id, code)) {
    deps.passwords.proven(id, context.get('ip'))
    return null
  }
  await recordRefused(deps, context, userOf(person), 'step_up', 'second_factor_wrong')
  return wrongCode(context, 403)
}
