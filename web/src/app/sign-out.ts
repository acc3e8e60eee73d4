import type { QueryClient } from '@tanstack/react-query'
import { api } from './api.ts'

/** Ends the session at the server, and forgets what this page has read. The whole page is loaded anew: nothing stays. */
export async function signOut(queries: QueryClient, returnTo?: string): Promise<void> {
  await api.post('sign-out')
  queries.clear()
  const to = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`
  location.assign(`/sign-in${to}`)
}
