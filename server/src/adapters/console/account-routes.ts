/** A person's own account: how they sign in, where they are signed in, and their password. */
import { Hono } from 'hono'
import { z } from 'zod'
import { hashPassword, passwordField, passwordProblem } from '../../identity/password-rules.ts'
import type { HttpEnv } from '../http/types.ts'
import { badInput, notFound } from './answers.ts'
import { bodyOf } from './body.ts'
import { needsProof, requirePerson, userOf } from './people.ts'
import { recordDone } from './record.ts'
import { wrongPassword } from './step-up-routes.ts'
import type { ConsoleDeps } from './types.ts'

const change = z.object({ current: passwordField.optional(), next: passwordField })

export function accountRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.get('/account', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const { id } = person.identity.user
    const [passkeys, left, sessions, linked] = await Promise.all([
      deps.passkeys.list(id),
      deps.factors.recoveryCodesLeft(id),
      deps.sessions.ofUser(id),
      deps.providerAccounts.list(id),
    ])
    return context.json({
      passkeys: passkeys.map((key) => ({
        id: key.id,
        name: key.name,
        created_at: key.createdAt.toISOString(),
        last_used_at: key.lastUsedAt?.toISOString() ?? null,
      })),
      totp: { enabled: person.proofs.totp, recovery_codes_left: left },
      password: person.proofs.password,
      providers: linked.map((account) => ({
        id: account.id,
        name: deps.providers.nameOf(account.issuer),
        label: account.label,
        created_at: account.createdAt.toISOString(),
        last_used_at: account.lastUsedAt?.toISOString() ?? null,
      })),
      linkable: deps.providers.list(),
      sessions: sessions.map((session) => ({
        id: session.id,
        current: session.id === person.identity.credential.id,
        created_at: session.createdAt.toISOString(),
        last_used_at: session.lastUsedAt.toISOString(),
        ip: session.ip,
        user_agent: session.userAgent,
      })),
    })
  })

  routes.delete('/account/sessions/:id', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const ended = await deps.sessions.endOf(person.identity.user.id, context.req.param('id'))
    if (!ended) return notFound(context, 'No session of yours has this id.')
    await recordDone(deps, context, userOf(person), 'session_ended', { session: context.req.param('id') })
    return context.json({ ended: true })
  })

  routes.post('/account/password', async (context) => {
    const person = await requirePerson(deps, context)
    if (person instanceof Response) return person
    const body = await bodyOf(context, change, 'The current and the new password are needed.')
    if (body instanceof Response) return body
    // Where the password is not all that proves a person, it does not suffice to replace it either.
    const { proofs } = person
    if (proofs.totp || proofs.passkey || !proofs.password) {
      const unproven = needsProof(person, context, deps.now())
      if (unproven) return unproven
    }
    if (proofs.password) {
      const wrong = await wrongPassword(deps, context, person, body.current ?? '', 'password_change')
      if (wrong) return wrong
    }
    const problem = passwordProblem(body.next, person.email)
    if (problem) return badInput(context, problem)
    await deps.passwords.set(person.identity.user.id, await hashPassword(body.next))
    await deps.sessions.endOthers(person.identity.user.id, person.identity.credential.id)
    await recordDone(deps, context, userOf(person), 'password_change')
    return context.json({ changed: true })
  })
  return routes
}
