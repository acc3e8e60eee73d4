/** Which organization the pages show: one, or all that the person can reach. Remembered by this browser. */
import { useSyncExternalStore } from 'react'
import type { Session } from './session.ts'

const KEY = 'breeze.organization'
const listeners = new Set<() => void>()
let chosen: string | null = read()

function read(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    // Storage may be off: then all are shown at first.
    return null
  }
}

export function chooseOrganization(id: string | null): void {
  chosen = id
  try {
    if (id === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, id)
  } catch {
    // As above.
  }
  for (const listener of listeners) listener()
}

/** Null: all. What is remembered of somebody else's session, and cannot be reached, is all as well. */
export function useChosenOrganization(session: Session): { id: string; name: string } | null {
  const id = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => chosen,
  )
  return session.organizations.find((organization) => organization.id === id) ?? null
}
