/** What the pages know of people and service users: the shapes of the tools' answers, and the acts. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'

export interface User {
  id: string
  name: string
  email: string | null
  kind: 'person' | 'service'
  owner: { id: string; name: string | null } | null
  roles: { role: string; organization: { id: string; name: string | null } | null; sites: string[] | null }[]
  disabled: boolean
  created_at: string
}

export interface UserPage extends ListPage {
  users: User[]
}

export interface Role {
  id: string
  name: string
  level: 'partner' | 'organization'
  admin: boolean
  permissions: string[]
}

export interface UserFilter {
  organization?: string
  text?: string
  kind?: 'person' | 'service'
}

export const users = (filter: UserFilter) => toolList<UserPage>('list_users', filter)

export const roles = queryOptions({
  queryKey: ['list_roles'],
  queryFn: async () => (await api.tool<{ roles: Role[] }>('list_roles')).roles,
  staleTime: 300_000,
  retry: false,
})

export interface UserSession {
  id: string
  methods: string[]
  ip: string | null
  client: string | null
  created_at: string
  last_used_at: string
}

export interface SessionPage extends ListPage {
  sessions: UserSession[]
}

export const sessions = (user: string) => toolList<SessionPage>('list_sessions', { user })

export const useRevokeSessions = () =>
  useToolAct<{ user: string } | { session: string }, { name: string; ended: number }>('revoke_sessions', {
    refresh: ['list_sessions'],
    said: ({ name, ended }) => `${name} signed out of ${ended} ${ended === 1 ? 'session' : 'sessions'}`,
  })

const refresh = ['list_users', 'list_api_keys', 'list_grants']

export interface RoleRequest {
  role: string
  organizations?: string[]
}

interface Changed {
  name: string
}

export const useSetDisabled = () =>
  useToolAct<{ user: string; action: 'disable' | 'enable' }, Changed>('update_user', {
    refresh,
    said: ({ name }, { action }) => `${name} ${action}d`,
    loud: true,
  })

export const useSetRoles = (onDone: () => void) =>
  useToolAct<{ user: string; action: 'set_roles'; roles: RoleRequest[] }, Changed>('update_user', {
    refresh,
    said: ({ name }) => `${name}: roles changed`,
    onDone,
  })

export interface ResetLink {
  name: string
  link: string
  expires_at: string
}

export const useResetLink = (onDone: (made: ResetLink) => void) =>
  useToolAct<{ user: string; second_factor: boolean }, ResetLink>('create_reset_link', { refresh: [], onDone })

export const useCreateServiceUser = (onDone: () => void) =>
  useToolAct<RoleRequest & { kind: 'service'; name: string }, Changed>('create_user', {
    refresh,
    said: ({ name }) => `${name} created`,
    onDone,
  })
