/** What the pages know of OAuth grants: the shapes of the tools' answers, and the acts. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'

interface Named {
  id: string
  name: string | null
}

export interface Grant {
  id: string
  client: { id: string; name: string; verified: boolean; host: string | null; first_party: boolean }
  redirect_host: string
  user: Named
  /** Null: everything that its user reaches. */
  organizations: Named[] | null
  scopes: string[]
  state: 'active' | 'expired' | 'revoked'
  created_at: string
  last_authorized_at: string
  last_used_at: string | null
  expires_at: string
  revoked_at: string | null
  revoked_reason: string | null
  active_sessions: number
}

export interface GrantPage extends ListPage {
  grants: Grant[]
}

/** A newer consent of the same person and client holds all of it and more. It lives on: it may be another device's. */
export const isOutgrown = (grant: Grant, among: readonly Grant[]): boolean =>
  among.some(
    (newer) =>
      newer.created_at > grant.created_at &&
      newer.user.id === grant.user.id &&
      newer.client.id === grant.client.id &&
      newer.scopes.length > grant.scopes.length &&
      grant.scopes.every((scope) => newer.scopes.includes(scope)) &&
      reaches(newer, grant),
  )

const reaches = (newer: Grant, { organizations }: Grant): boolean =>
  newer.organizations === null ||
  organizations?.every(({ id }) => newer.organizations?.some((other) => other.id === id)) === true

export interface GrantFilter {
  organization?: string
  user?: string
  client?: string
  state?: readonly Grant['state'][]
}

export const grants = (filter: GrantFilter) => toolList<GrantPage>('list_grants', filter)

export interface OAuthClient {
  id: string
  name: string
  verified: boolean
  host: string | null
  grants: number
  users: number
  blocked: boolean
  blocked_at: string | null
  block_reason: string | null
}

export const clients = (filter: { blocked?: boolean } = {}) =>
  queryOptions({
    queryKey: ['list_clients', filter],
    queryFn: async () => (await api.tool<{ clients: OAuthClient[] }>('list_clients', filter)).clients,
    retry: false,
  })

const refresh = ['list_grants', 'list_clients']

interface Revoked {
  revoked: number
  grants: { id: string; client: string }[]
}

export const useRevokeGrant = (onDone: (answer: Revoked, input: { grant: string }) => void) =>
  useToolAct<{ grant: string }, Revoked>('revoke_grant', {
    refresh,
    said: (answer) => `${answer.grants[0]?.client ?? 'The client'} revoked`,
    onDone,
  })

export const useRevokeClient = (onDone: () => void) =>
  useToolAct<{ client: string }, Revoked>('revoke_grant', {
    refresh,
    said: ({ revoked }) => `${revoked} ${revoked === 1 ? 'grant' : 'grants'} revoked`,
    onDone,
  })

interface Blocked {
  name: string
  blocked: boolean
  revoked: number
}

export const useBlockClient = (onDone?: () => void) =>
  useToolAct<{ action: 'block' | 'unblock'; client: string }, Blocked>('block_client', {
    refresh,
    said: ({ name, blocked, revoked }) =>
      blocked
        ? `${name} revoked and blocked, ${revoked} ${revoked === 1 ? 'grant' : 'grants'} ended`
        : `${name} unblocked`,
    ...(onDone && { onDone }),
  })
