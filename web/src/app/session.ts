import { queryOptions, useSuspenseQuery } from '@tanstack/react-query'
import { api } from './api.ts'

export interface Session {
  user: { id: string; name: string; email: string }
  organizations: { id: string; name: string }[]
  /** Their own partner, of those who work for it. */
  partner: { name: string } | boolean | null
  permissions: string[]
  admin: boolean
  second_factor: boolean
  mcp_write: boolean
  public_url: string
  /** Whether assistants may sign in by OAuth at all. */
  oauth_enabled: boolean
  version: string
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => api.get<Session>('session'),
  retry: false,
  staleTime: 30_000,
})

/** Within the console's layout, which only shows with a session. */
export const useSession = (): Session => useSuspenseQuery(sessionQuery).data

export const partnerName = ({ partner, organizations }: Session): string => {
  if (typeof partner === 'object' && partner !== null) return partner.name
  const [only, second] = organizations
  return partner || !only || second ? 'Breeze' : only.name
}

/** Only a page of ours: anything else in the address would send people from the sign-in to somebody else's site. */
export function safeReturn(to: string | undefined): string {
  if (to === undefined || !to.startsWith('/')) return '/'
  try {
    const url = new URL(to, location.origin)
    return url.origin === location.origin ? `${url.pathname}${url.search}${url.hash}` : '/'
  } catch {
    // Not an address at all.
    return '/'
  }
}
