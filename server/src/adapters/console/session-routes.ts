/** Who is signed in, and signing out. */
import { type Context, Hono } from 'hono'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import { rowAccess } from '../../kernel/caller.ts'
import type { HttpEnv } from '../http/types.ts'
import { unauthenticated } from './answers.ts'
import { callerOf, personOf, userOf } from './people.ts'
import { recordDone } from './record.ts'
import type { ConsoleDeps } from './types.ts'

export function sessionRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.get('/session', async (context) => {
    const person = await personOf(deps, context)
    if (person) return context.json(describe(deps, person, context))
    return unauthenticated(context, { setup_needed: await deps.setup.needed(), providers: deps.providers.list() })
  })

  routes.post('/sign-out', async (context) => {
    const person = await personOf(deps, context)
    const pending = await deps.sessions.pending(deps.cookie.read(context))
    for (const id of [person?.identity.credential.id, pending?.id]) if (id !== undefined) await deps.sessions.end(id)
    if (person) await recordDone(deps, context, userOf(person), 'sign_out')
    deps.cookie.clear(context)
    return context.json({ state: 'signed_out' })
  })
  return routes
}

function describe(deps: ConsoleDeps, person: ConsolePerson, context: Context<HttpEnv>) {
  const { identity, email } = person
  const caller = callerOf(person, context)
  const permissions = new Set(identity.partner?.permissions)
  for (const organization of identity.organizations.values()) {
    for (const grant of organization.grants) for (const permission of grant.permissions) permissions.add(permission)
  }
  const connects = rowAccess(caller, 'mcp.write')
  return {
    user: { id: identity.user.id, name: person.name, email },
    organizations: [...identity.organizations.values()].map(({ id, name }) => ({ id, name })),
    partner: identity.partner && { name: person.partnerName },
    permissions: [...permissions].sort(),
    admin: identity.admin,
    second_factor: person.proofs.totp || person.proofs.passkey,
    mcp_write: connects.partnerWide || connects.whole.length > 0 || connects.limited.length > 0,
    public_url: deps.publicUrl,
    oauth_enabled: deps.oauthEnabled,
    version: deps.version,
  }
}
