/** What the person just did, said once at the corner. Never the only place where something is said. */
import { useSyncExternalStore } from 'react'

export interface Toast {
  id: number
  tone: 'done' | 'waiting' | 'error'
  title: string
  detail?: string
  action?: { label: string; onClick: () => void }
}

const MOST = 3
let toasts: readonly Toast[] = []
let next = 1
const listeners = new Set<() => void>()

function set(changed: readonly Toast[]): void {
  toasts = changed
  for (const listener of listeners) listener()
}

export function toast(told: Omit<Toast, 'id' | 'tone'> & { tone?: Toast['tone'] }): void {
  set([...toasts, { tone: 'done', ...told, id: next++ } satisfies Toast].slice(-MOST))
}

export const dismiss = (id: number): void => set(toasts.filter((shown) => shown.id !== id))

export const useToasts = (): readonly Toast[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
