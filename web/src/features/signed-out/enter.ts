import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { safeReturn, sessionQuery } from '../../app/session.ts'

/** Pages of the authorization server are not ours to draw: they are loaded. */
const SERVERS_OWN = /^\/(?:oauth|api)(?:\/|$)/

/** After a sign-in: reads who it is, and goes where the person wanted to. */
export function useEnter(returnTo: string | undefined): () => Promise<void> {
  const queries = useQueryClient()
  const router = useRouter()
  return async () => {
    const to = safeReturn(returnTo)
    if (SERVERS_OWN.test(to)) return location.assign(to)
    queries.clear()
    await queries.fetchQuery(sessionQuery)
    router.history.push(to)
  }
}
