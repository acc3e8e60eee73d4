/** The last step of every way in: a session of its own, and the cookie of before worthless. */
import type { Context } from 'hono'
import type { KnownUser } from '../../identity/sign-in.ts'
import type { SignInMethod } from '../../identity/tables.ts'
import type { HttpEnv } from '../http/types.ts'
import { personOf } from './people.ts'
import { recordDone } from './record.ts'
import type { ConsoleDeps } from './types.ts'

/** A first proof: opens the console, or the question for the second one where the person has one. */
export async function firstProof(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser,
  method: SignInMethod,
): Promise<{ state: 'signed_in' } | { state: 'second_factor'; methods: SignInMethod[] }> {
  const methods = await deps.factors.methods(user.id)
  if (methods.length === 0) return enter(deps, context, user, [method])
  await openSession(deps, context, user, [method], 'second_factor')
  return { state: 'second_factor', methods }
}

export async function enter(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser,
  methods: readonly SignInMethod[],
): Promise<{ state: 'signed_in' }> {
  await openSession(deps, context, user, methods, 'open')
  await deps.setup.close()
  await recordDone(deps, context, user, 'sign_in', { methods })
  return { state: 'signed_in' }
}

async function openSession(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser,
  methods: readonly SignInMethod[],
  stage: 'second_factor' | 'open',
): Promise<void> {
  const before = (await personOf(deps, context))?.identity.credential.id
  const pending = (await deps.sessions.pending(deps.cookie.read(context)))?.id
  const opened = await deps.sessions.open({
    user,
    methods,
    stage,
    ip: context.get('ip'),
    userAgent: context.req.header('user-agent') ?? null,
  })
  for (const id of [before, pending]) if (id !== undefined) await deps.sessions.end(id)
  deps.cookie.write(context, opened.token, opened.expiresAt)
}
