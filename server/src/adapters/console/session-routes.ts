/** Signing in and out, and who is signed in. */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import type { KnownUser } from '../../identity/sign-in.ts'
import type { SignInMethod } from '../../identity/tables.ts'
import { rowAccess } from '../../kernel/caller.ts'
import type { Draft } from '../../kernel/audit/entry.ts'
import { readJson } from '../http/json-body.ts'
import type { HttpEnv } from '../http/types.ts'
import { clientName } from '../mcp/principal.ts'
import { badInput, throttled, unauthenticated, wrongCredentials } from './answers.ts'
import { callerOf, personOf } from './people.ts'
import type { ConsoleDeps } from './types.ts'

const credentials = z.object({ email: z.string().min(1).max(320), password: z.string().min(1).max(1000) })

export function sessionRoutes(deps: ConsoleDeps): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>()

  routes.get('/session', async (context) => {
    const person = await personOf(deps, context)
    return person ? context.json(describe(deps, person, context)) : unauthenticated(context)
  })

  routes.post('/sign-in', async (context) => {
    const body = await readJson(context.req.raw, 16 * 1024)
    const parsed = credentials.safeParse(body.ok ? body.value : undefined)
    if (!parsed.success) return badInput(context, 'Email and password are needed.')
    const { email, password } = parsed.data
    const verdict = await deps.passwords.check(email, password, context.get('ip'))
    if (verdict.state === 'throttled') {
      await record(deps, context, null, { decision: 'denied', code: 'rate_limited', reason: 'too many attempts' })
      return throttled(context, verdict.retryAfterSeconds)
    }
    if (verdict.state === 'wrong') {
      await record(deps, context, null, { decision: 'denied', code: 'wrong_credentials', reason: 'password refused' })
      return wrongCredentials(context)
    }
    return signIn(deps, context, verdict.user, ['password'])
  })

  routes.post('/sign-out', async (context) => {
    const person = await personOf(deps, context)
    if (person) await deps.sessions.end(person.identity.credential.id)
    deps.cookie.clear(context)
    return context.json({ state: 'signed_out' })
  })
  return routes
}

/** Every proof opens a session of its own; the cookie of before is worthless from here on. */
async function signIn(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser,
  methods: readonly SignInMethod[],
): Promise<Response> {
  const before = await personOf(deps, context)
  const opened = await deps.sessions.open({
    user,
    methods,
    stage: 'open',
    ip: context.get('ip'),
    userAgent: context.req.header('user-agent') ?? null,
  })
  if (before) await deps.sessions.end(before.identity.credential.id)
  await record(deps, context, user, { decision: 'allowed', outcome: 'succeeded', details: { methods } })
  deps.cookie.write(context, opened.token, opened.expiresAt)
  return context.json({ state: 'signed_in' })
}

/** The audit says who came in and who was turned away; an address that is nobody's is not written down. */
async function record(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser | null,
  said: Partial<Draft>,
): Promise<void> {
  await deps.audit.append({
    kind: 'authentication',
    at: deps.now(),
    partnerId: user?.partnerId ?? null,
    organizationId: user?.organizationId ?? null,
    callId: null,
    actor: user && { userId: user.id, name: user.name },
    credential: null,
    channel: 'console',
    client: clientName(context.req.header('user-agent') ?? null),
    ip: context.get('ip'),
    tool: null,
    action: 'sign_in',
    tier: null,
    decision: null,
    outcome: null,
    code: null,
    reason: null,
    durationMs: null,
    details: {},
    input: null,
    ...said,
  })
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
    user: { id: identity.user.id, name: identity.user.name, email },
    organizations: [...identity.organizations.values()].map(({ id, name }) => ({ id, name })),
    partner: identity.partner !== null,
    permissions: [...permissions].sort(),
    admin: identity.admin,
    second_factor: person.methods.length > 1 || person.methods.includes('passkey'),
    mcp_write: connects.partnerWide || connects.whole.length > 0 || connects.limited.length > 0,
    public_url: deps.publicUrl,
    version: deps.version,
  }
}
