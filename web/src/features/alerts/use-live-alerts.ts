import { useQueryClient } from '@tanstack/react-query'
import { type RefObject, useCallback, useEffect, useState } from 'react'
import { useLive } from '../../app/live.ts'
import { ALERT_TOOLS } from './alerts.ts'

/**
 * Refreshes what is shown when the server says that alerts changed. While a row is under the pointer, has the focus or is
 * selected, what changed waits: rows never move under a hand.
 */
export function useLiveAlerts(list: RefObject<HTMLElement | null>, selecting: boolean) {
  const queries = useQueryClient()
  const [waiting, setWaiting] = useState(false)
  const isHeld = useCallback(
    () => selecting || !!list.current?.querySelector('tbody tr:is(:hover, :focus-within)'),
    [list, selecting],
  )
  const refresh = useCallback(() => {
    setWaiting(false)
    for (const tool of ALERT_TOOLS) void queries.invalidateQueries({ queryKey: [tool] })
  }, [queries])
  useLive('alerts', (certain) => {
    void queries.invalidateQueries({ queryKey: ['get_alert'] })
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
