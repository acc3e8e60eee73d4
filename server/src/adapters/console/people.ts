/** From the session's cookie to the person behind a request, and to the caller that the kernel knows. */
import type { Context } from 'hono'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import type { KnownUser } from '../../identity/sign-in.ts'
import type { SignInMethod } from '../../identity/tables.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { HttpEnv } from '../http/types.ts'
import { clientName } from '../mcp/principal.ts'
import { refuse, unauthenticated } from './answers.ts'
import type { ConsoleDeps } from './types.ts'

/** How long a proof lasts for sensitive settings. */
export const PROOF_MS = 10 * 60_000

/** Null when nobody is signed in. Rejects when the database can't be asked: never taken for "yes". */
export async function personOf(
  deps: Pick<ConsoleDeps, 'cookie' | 'people'>,
  context: Context<HttpEnv>,
): Promise<ConsolePerson | null> {
  const token = deps.cookie.read(context)
  if (token === null) return null
  const person = await deps.people.session(token, context.get('ip'))
  if (person) context.set('credentialId', person.identity.credential.id)
  return person
}

export async function requirePerson(deps: ConsoleDeps, context: Context<HttpEnv>): Promise<ConsolePerson | Response> {
  return (await personOf(deps, context)) ?? unauthenticated(context)
}

/** By what a person who is signed in can prove it again: by a second factor where there is one, else by the password. */
export function proofsOf({ proofs }: ConsolePerson): SignInMethod[] {
  const factors = (['totp', 'passkey', 'recovery'] as const).filter((method) => proofs[method])
  if (proofs.totp || proofs.passkey) return factors
  return proofs.password ? ['password'] : ['provider']
}

/** For what a stolen, still open browser must not do. */
export function needsProof(person: ConsolePerson, context: Context<HttpEnv>, now: Date): Response | null {
  if (now.getTime() - person.provenAt.getTime() < PROOF_MS) return null
  return stepUpRequired(person, context)
}

export function stepUpRequired(person: ConsolePerson, context: Context<HttpEnv>): Response {
  const methods = proofsOf(person)
  const remedy = {
    password: 'Enter your password.',
    provider: 'Sign in again.',
  }
  const [first = 'totp'] = methods
  const denial = {
    code: 'step_up_required',
    reason: 'This needs a fresh proof that it is you.',
    remedy: first === 'password' || first === 'provider' ? remedy[first] : 'Enter a code or use a passkey.',
  } as const
  return refuse(context, 403, denial, { methods })
}

/** The person, if they proved lately who they are. */
export async function requireProof(deps: ConsoleDeps, context: Context<HttpEnv>): Promise<ConsolePerson | Response> {
  const person = await requirePerson(deps, context)
  if (person instanceof Response) return person
  return needsProof(person, context, deps.now()) ?? person
}

export const userOf = (person: ConsolePerson): KnownUser => ({
  id: person.identity.user.id,
  partnerId: person.identity.partnerId,
  organizationId: person.organizationId,
  name: person.name,
  email: person.email,
})

export function callerOf(person: ConsolePerson, context: Context<HttpEnv>): Caller {
  return { ...person.identity, channel: 'console', client: clientName(context.req.header('user-agent') ?? null) }
}
