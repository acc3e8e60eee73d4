import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useLive } from '../../app/live.ts'
import { useChosenOrganization } from '../../app/organization.ts'
import { useSession } from '../../app/session.ts'
import { cx } from '../../ui/cx.ts'
import { number } from '../../ui/time.ts'
import { urgentAlerts } from './alerts.ts'

/** Beside the rail's entry: open ones, critical and high. */
export function AlertCount() {
  const organization = useChosenOrganization(useSession())
  const query = urgentAlerts(organization?.id)
  const queries = useQueryClient()
  useLive('alerts', () => void queries.invalidateQueries({ queryKey: query.queryKey }))
  const { data } = useQuery(query)
  if (!data || data.total === 0) return null
  return (
    <span
      className={cx(
        'ml-auto text-12 tabular-nums max-lg:absolute max-lg:top-0.5 max-lg:right-0.5 max-lg:text-11 max-sm:static',
        data.counts.critical > 0 ? 'text-crit' : 'text-high',
      )}
    >
      {number(data.total)}
      <span className="sr-only"> open, critical or high</span>
    </span>
  )
}
