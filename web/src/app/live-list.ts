import { useQueryClient } from '@tanstack/react-query'
import { type RefObject, useCallback, useEffect, useState } from 'react'
import { useLive } from './live.ts'

interface LiveList {
  /** What the server calls it when something of it changes. */
  subject: string
  /** Tools whose answers are other ones then. */
  tools: readonly string[]
  /** The same of what stands beside the list, which moves nothing under a hand. */
  beside?: readonly string[]
  list: RefObject<HTMLElement | null>
  /** Rows are chosen: what changed waits. */
  selecting?: boolean
}

/**
 * Refreshes a list when the server says that something of it changed. While a row is under the pointer, has the focus or is
 * selected, what changed waits: rows never move under a hand.
 */
export function useLiveList({ subject, tools, beside = [], list, selecting = false }: LiveList) {
  const queries = useQueryClient()
  const [waiting, setWaiting] = useState(false)
  const isHeld = useCallback(
    () => selecting || !!list.current?.querySelector('tbody tr:is(:hover, :focus-within)'),
    [list, selecting],
  )
  const refresh = useCallback(() => {
    setWaiting(false)
    for (const tool of tools) void queries.invalidateQueries({ queryKey: [tool] })
  }, [queries, tools])
  useLive(subject, (certain) => {
    for (const tool of beside) void queries.invalidateQueries({ queryKey: [tool] })
    if (!isHeld()) refresh()
    else if (certain) setWaiting(true)
  })
  useEffect(() => {
    if (!waiting) return undefined
    const timer = setInterval(() => isHeld() || refresh(), 500)
    return () => clearInterval(timer)
  }, [waiting, isHeld, refresh])
  return { waiting, refresh }
}
