/** Who sent a message and through which address, carried beside it through the protocol library. */
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { Identity, PresentedCredential } from '../../identity/authenticate.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { ListingFilter } from '../../kernel/kernel.ts'

export interface Principal {
  identity: Identity
  presented: PresentedCredential
  /** What the request's path narrows the listing to. */
  filter: ListingFilter
  /** Names the program where no `clientInfo` is known. */
  userAgent: string | null
}

/** One person with one credential: what sessions belong to. Another key of the same person is another owner. */
export function ownerOf(principal: Principal): string {
  const { user, credential } = principal.identity
  return `${user.id}:${credential.kind}:${credential.id}`
}

export function callerOf(principal: Principal, clientInfo?: { name: string; version: string }): Caller {
  const named = clientInfo ? `${clientInfo.name} ${clientInfo.version}` : principal.userAgent
  return { ...principal.identity, channel: 'mcp', client: clientName(named) }
}

/** As the program names itself: not trusted, so bounded and free of control and format characters. */
export function clientName(raw: string | null): string | null {
  const clean =
    raw
      ?.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
      .replaceAll(/ +/g, ' ')
      .trim() ?? ''
  return clean === '' ? null : clean.slice(0, 120)
}

// The library passes this object through untouched, so it is the key. No secret goes into it: handlers see it.
const principals = new WeakMap<AuthInfo, Principal>()

export function authInfoOf(principal: Principal): AuthInfo {
  const { credential, scopes } = principal.identity
  const info: AuthInfo = { token: '', clientId: credential.id, scopes: scopes === 'all' ? [] : [...scopes] }
  principals.set(info, principal)
  return info
}

export function principalOf(authInfo: AuthInfo | undefined): Principal {
  const principal = authInfo && principals.get(authInfo)
  if (!principal) throw new Error('a message reached a handler without its principal')
  return principal
}
