import { useState } from 'react'
import type { Alert } from './alerts.ts'

export interface Selection {
  chosen: readonly Alert[]
  all: boolean
  has: (alert: Alert) => boolean
  toggle: (alert: Alert) => void
  toggleAll: () => void
  clear: () => void
}

/** Of the rows that are shown: what is no longer among them is no longer chosen. */
export function useSelection(rows: readonly Alert[] | undefined): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  const chosen = (rows ?? []).filter(({ id }) => ids.has(id))
  const all = chosen.length > 0 && chosen.length === rows?.length
  return {
    chosen,
    all,
    has: ({ id }) => ids.has(id),
    toggle: ({ id }) => {
      const next = new Set(ids)
      if (!next.delete(id)) next.add(id)
      setIds(next)
    },
    toggleAll: () => setIds(new Set(all ? [] : (rows ?? []).map(({ id }) => id))),
    clear: () => setIds(new Set()),
  }
}
