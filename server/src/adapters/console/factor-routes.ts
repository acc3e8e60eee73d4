/** Turning the codes of an authenticator app on and off, and the recovery codes that stand in for it. */
import { type Context, Hono } from 'hono'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import type { HttpEnv } from '../http/types.ts'
import { refuse, wrongCode } from './answers.ts'
import { bodyOf } from './body.ts'
import { requireProof, userOf } from './people.ts'
import { recordDone } from './record.ts'
import { codeBody } from './sign-in-routes.ts'
import type { ConsoleDeps } from './types.ts'

export function factorRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.post('/account/totp', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const started = await deps.factors.start(userOf(person), person.email)
    return started ? context.json(started) : alreadyOn(context)
  })

  routes.post('/account/totp/confirm', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    const body = await bodyOf(context, codeBody, 'A code is needed.')
    if (body instanceof Response) return body
    const codes = await deps.factors.confirm(userOf(person), body.code)
    if (!codes) return wrongCode(context, 403)
    await factorsChanged(deps, context, person, 'totp_enabled')
    return context.json({ recovery_codes: codes })
  })

  routes.delete('/account/totp', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    await deps.factors.disable(person.identity.user.id)
    await factorsChanged(deps, context, person, 'totp_disabled')
    return context.json({ enabled: false })
  })

  routes.post('/account/recovery-codes', async (context) => {
    const person = await requireProof(deps, context)
    if (person instanceof Response) return person
    if (!person.proofs.totp && !person.proofs.passkey) return nothingToRecover(context)
    const codes = await deps.factors.renewRecoveryCodes(userOf(person))
    await recordDone(deps, context, userOf(person), 'recovery_codes_renewed')
    return context.json({ recovery_codes: codes })
  })
  return routes
}

/** What somebody else may hold must not outlive the change. */
export async function factorsChanged(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  person: ConsolePerson,
  action: string,
): Promise<void> {
  await deps.sessions.endOthers(person.identity.user.id, person.identity.credential.id)
  await recordDone(deps, context, userOf(person), action)
}

const alreadyOn = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'Codes of an authenticator app are on already.',
    remedy: 'Turn them off first to use another app.',
  })

const nothingToRecover = (context: Context<HttpEnv>): Response =>
  refuse(context, 409, {
    code: 'conflict',
    reason: 'There is no second factor that recovery codes could stand in for.',
    remedy: 'Add a passkey or an authenticator app first.',
  })
