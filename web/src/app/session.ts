import { queryOptions } from '@tanstack/react-query'
import { api } from './api.ts'

export interface Session {
  user: { id: string; name: string; email: string }
  organizations: { id: string; name: string }[]
  partner: boolean
  permissions: string[]
  admin: boolean
  second_factor: boolean
  mcp_write: boolean
  public_url: string
  version: string
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => api.get<Session>('session'),
  retry: false,
  staleTime: 30_000,
})
