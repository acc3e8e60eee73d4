/** Whose act a rollout is: its rights are asked for anew before anything is sent. */
import type { Caller, Credential } from '../../kernel/caller.ts'
import type { Rollout } from './rows.ts'

export const principalColumns = (caller: Caller) => ({
  user_id: caller.user.id,
  user_name: caller.user.name,
  credential_kind: caller.credential.kind,
  credential_id: caller.credential.id,
  credential_name: caller.credential.name,
  scopes: caller.scopes === 'all' ? null : [...caller.scopes],
  client: caller.client,
})

/** Whose act it is, without any rights: for asking for them, and for the audit. */
export function principalOf({ partnerId, principal }: Pick<Rollout, 'partnerId' | 'principal'>): Caller {
  return {
    user: { id: principal.userId, name: principal.userName, kind: 'person' },
    partnerId,
    // Written by `principalColumns` from a caller's own.
    credential: { kind: principal.kind as Credential['kind'], id: principal.id, name: principal.name },
    channel: 'schedule',
    client: principal.client,
    ip: null,
    scopes: new Set(),
    elevations: [],
    actingBy: [],
    admin: false,
    partner: null,
    organizations: new Map(),
    stopped: null,
    expiresAt: null,
    lastUsedAt: null,
  }
}
