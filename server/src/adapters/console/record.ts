/** The audit says who came in, who was turned away, and who changed how they come in. */
import type { Context } from 'hono'
import type { KnownUser } from '../../identity/sign-in.ts'
import type { Draft } from '../../kernel/audit/entry.ts'
import type { HttpEnv } from '../http/types.ts'
import { clientName } from '../mcp/principal.ts'
import type { ConsoleDeps } from './types.ts'

/** `user` null: nobody's, and the address that was tried is not written down. */
export async function record(
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser | null,
  said: Partial<Draft> & { action: string },
): Promise<void> {
  await deps.audit.append({
    kind: 'authentication',
    at: deps.now(),
    partnerId: user?.partnerId ?? null,
    organizationId: user?.organizationId ?? null,
    callId: null,
    actor: user && { userId: user.id, name: user.email },
    credential: null,
    channel: 'console',
    client: clientName(context.req.header('user-agent') ?? null),
    ip: context.get('ip'),
    tool: null,
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

export const recordDone = (
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser,
  action: string,
  details: Record<string, unknown> = {},
): Promise<void> => record(deps, context, user, { action, decision: 'allowed', outcome: 'succeeded', details })

export const recordRefused = (
  deps: ConsoleDeps,
  context: Context<HttpEnv>,
  user: KnownUser | null,
  action: string,
  code: string,
): Promise<void> => record(deps, context, user, { action, decision: 'denied', code, reason: REASONS[code] ?? code })

const REASONS: Readonly<Record<string, string>> = {
  rate_limited: 'too many attempts',
  wrong_credentials: 'password refused',
  provider_refused: 'answer of another issuer refused',
  not_linked: 'account at another issuer that nobody linked',
  passkey_refused: 'passkey refused',
  expired: 'a link or token that opens nothing',
  second_factor_wrong: 'second factor refused',
}
