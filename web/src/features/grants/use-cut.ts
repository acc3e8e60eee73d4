import { useState } from 'react'
import type { Grant } from './grants.ts'

/** What was revoked on this page stays in the list, struck, until the page is left: a row that vanishes proves nothing. */
export function useCut(rows: readonly Grant[] | undefined) {
  const [gone, setGone] = useState<readonly { grant: Grant; tookMs: number }[]>([])
  const listed = new Set(rows?.map(({ id }) => id))
  const missing = gone.flatMap(({ grant }) => (listed.has(grant.id) ? [] : [grant]))
  return {
    rows: rows && [...rows, ...missing].sort((a, b) => b.created_at.localeCompare(a.created_at)),
    cut: new Map(gone.map(({ grant, tookMs }) => [grant.id, tookMs])),
    onRevoked: (grant: Grant, tookMs: number) => setGone((before) => [...before, { grant, tookMs }]),
  }
}
