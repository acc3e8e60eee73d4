import { useQuery } from '@tanstack/react-query'
import { number } from '../../ui/time.ts'
import type { AlertSearch } from './alert-search.ts'
import { alertNumbers } from './alerts.ts'

interface FoldedProps {
  search: AlertSearch
  organization: string | undefined
  onShow: (all: true | undefined) => void
}

/** What is not in the list, and why: never silently fewer. */
export function FoldedAlerts({ search, organization, onShow }: FoldedProps) {
  const { data } = useQuery(alertNumbers(search, organization))
  const { parent = 0, maintenance = 0 } = data?.suppressed ?? {}
  if (!search.all && parent + maintenance === 0) return null
  const why = [
    parent > 0 && `${number(parent)} under the alert that stands for them`,
    maintenance > 0 && `${number(maintenance)} in maintenance`,
  ].filter(Boolean)
  return (
    <span className="flex min-w-0 gap-1.5">
      <span className="truncate">
        {search.all ? 'with those under others and in maintenance' : `not shown: ${why.join(', ')}`}
      </span>
      <button type="button" className="link shrink-0 rounded-1" onClick={() => onShow(search.all ? undefined : true)}>
        {search.all ? 'Hide them' : 'Show them'}
      </button>
    </span>
  )
}
