import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Building2 } from 'lucide-react'
import { Page } from '../../app/layout/page.tsx'
import { useLive } from '../../app/live.ts'
import { chooseOrganization, useChosenOrganization } from '../../app/organization.ts'
import { can } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { number } from '../../ui/time.ts'
import { AttentionList } from './attention-list.tsx'
import { Figures, SeverityCounts, StatusCounts } from './figures.tsx'
import { fleetHealth, type HealthGroup, patchedPercent } from './overview.ts'

/** The watching part: what is wrong and where, the worst first, and what nobody looked at. */
export function OverviewPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const found = useQuery(fleetHealth(organization?.id))
  const queries = useQueryClient()
  useLive('alerts', () => void queries.invalidateQueries({ queryKey: ['get_alerts', 'numbers'] }))
  const health = found.data
  return (
    <Page
      title="Overview"
      foot={
        <>
          {health && `${number(health.groups.length)} of ${number(health.total)} shown, the worst first`}
          {health && health.not_assessed.length > 0 && <span>Not assessed: {health.not_assessed.join(', ')}</span>}
          <span className="grow" />
          {found.isRefetchError && 'Not refreshed: the server does not answer.'}
        </>
      }
    >
      <div className="flex min-h-0 grow flex-col overflow-auto" tabIndex={-1}>
        {health && <Figures whole={health} />}
        {can(session, 'alerts.read') && <AttentionList organization={organization?.id} />}
        <DataTable
          caption={organization ? 'Sites' : 'Organizations'}
          columns={columns(organization === null)}
          rows={health?.groups}
          rowKey={({ id }) => id}
          error={found.error}
          onRetry={() => void found.refetch()}
          empty={
            <StateView icon={Building2} title="Nothing to watch yet">
              Make an organization and enroll a device: how it does shows up here.
            </StateView>
          }
        />
      </div>
    </Page>
  )
}

const columns = (ofOrganizations: boolean): readonly Column<HealthGroup>[] => [
  {
    id: 'name',
    head: ofOrganizations ? 'Organization' : 'Site',
    cell: ({ id, name }) =>
      ofOrganizations ? (
        <button
          type="button"
          onClick={() => chooseOrganization(id)}
          className="max-w-full truncate rounded-1 font-medium"
        >
          {name}
        </button>
      ) : (
        <Link to="/devices" search={{ text: name }} className="block truncate rounded-1 font-medium text-text">
          {name}
        </Link>
      ),
  },
  {
    id: 'health',
    head: 'Health',
    width: '84px',
    align: 'right',
    cell: ({ health }) => <Known value={health} />,
  },
  {
    id: 'devices',
    head: 'Devices',
    width: '16%',
    phone: false,
    cell: ({ devices }) => <StatusCounts devices={devices} />,
  },
  {
    id: 'alerts',
    head: 'Alerts',
    width: '220px',
    cell: ({ alerts }) =>
      alerts ? <SeverityCounts counts={alerts} /> : <span className="text-text-3">not shown</span>,
  },
  {
    id: 'patched',
    head: 'Patched',
    width: '84px',
    align: 'right',
    narrow: false,
    cell: ({ patches }) => <Known value={patches && patchedPercent(patches)} unit=" %" />,
  },
  {
    id: 'reasons',
    head: 'Why',
    width: '30%',
    narrow: false,
    cell: ({ reasons }) => (
      <span className="text-text-2" title={reasons.join(', ')}>
        {reasons.length === 0 ? <span className="text-text-3">nothing is wrong</span> : reasons.join(', ')}
      </span>
    ),
  },
]

/** Unknown is a word, never a zero. */
const Known = ({ value, unit = '' }: { value: number | null; unit?: string }) =>
  value === null ? (
    <span className="text-text-3">unknown</span>
  ) : (
    <span className="tabular-nums">
      {value}
      {unit}
    </span>
  )
