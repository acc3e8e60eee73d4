import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { refusalText } from '../../app/refusal-text.ts'
import { SEVERITIES } from '../alerts/alert-search.ts'
import { alertGroups } from '../alerts/alerts.ts'
import { Severity } from '../../ui/severity.tsx'
import { SeverityCounts } from './figures.tsx'

const SHOWN = 6

/** Devices, the worst first; each leads to its alerts. */
export function AttentionList({ organization }: { organization: string | undefined }) {
  const { data, error } = useQuery(alertGroups({}, organization, 'device'))
  const devices = data?.groups?.slice(0, SHOWN) ?? []
  return (
    <section aria-labelledby="attention" className="border-b border-line">
      <div className="flex h-10 items-center gap-3 px-4 sm:px-6">
        <h2 id="attention" className="font-semi">
          Needs attention first
        </h2>
        <span className="grow" />
        <Link to="/alerts" className="link rounded-1">
          All alerts
        </Link>
      </div>
      {error && <p className="px-4 pb-3 text-text-2 sm:px-6">{refusalText(error)}</p>}
      {data && devices.length === 0 && <p className="px-4 pb-3 text-text-2 sm:px-6">No alert is open.</p>}
      <ul>
        {devices.map(({ key, name, organization: at, first, counts }) => (
          <li
            key={key ?? 'none'}
            className="grid min-h-9 grid-cols-[14rem_minmax(0,1fr)_10rem_auto] items-center gap-4 border-t border-line px-4 py-1 max-lg:grid-cols-[minmax(0,1fr)_auto] sm:px-6"
          >
            <span className="flex min-w-0 items-center gap-2.5">
              <Severity level={SEVERITIES.find((severity) => counts[severity] !== undefined) ?? 'info'}>{''}</Severity>
              {key === null ? (
                <span className="truncate text-text-2">whole sites and organizations</span>
              ) : (
                <Link to="/alerts" search={{ device: key }} title={name} className="truncate rounded-1 font-medium">
                  {name}
                </Link>
              )}
            </span>
            <span className="truncate max-lg:hidden" title={first}>
              {first}
            </span>
            <span className="truncate text-text-2 max-lg:hidden">{at}</span>
            <SeverityCounts counts={counts} />
          </li>
        ))}
      </ul>
    </section>
  )
}
