import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Outlet, useParams } from '@tanstack/react-router'
import { ListFilter, MonitorSmartphone } from 'lucide-react'
import { api } from '../../app/api.ts'
import { Page } from '../../app/layout/page.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { PatientSearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Status } from '../../ui/status.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { Conditions } from './conditions.tsx'
import { type Device, type DeviceList, deviceList, roleIcon, type StatusFilter } from './devices.ts'

const route = getRouteApi('/console/devices')

export function DevicesPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const { status, text } = route.useSearch()
  const navigate = route.useNavigate()
  const { deviceId } = useParams({ strict: false })
  const found = useInfiniteQuery(deviceList({ organization: organization?.id, status, text }))
  const rows = found.data?.pages.flatMap((page) => page.devices)
  const last = found.data?.pages.at(-1)
  const narrowed = status !== undefined || text !== undefined
  const clear = () => void navigate({ to: '/devices', search: {} })
  return (
    <Page
      title="Devices"
      toolbar={
        <>
          <PatientSearchField
            label="Find devices"
            placeholder="Name, system, site"
            value={text ?? ''}
            onChange={(value) => void navigate({ to: '.', search: searchOf(status, value), replace: true })}
          />
          <StatusTabs
            organization={organization?.id}
            text={text}
            value={status}
            onChange={(value) => void navigate({ to: '.', search: searchOf(value, text) })}
          />
          <span className="grow" />
          <span className="text-text-3 tabular-nums" role="status">
            {last &&
              `${last.total_is_lower_bound ? 'more than ' : ''}${number(last.total)} ${last.total === 1 ? 'device' : 'devices'}`}
          </span>
        </>
      }
      foot={
        <>
          {last &&
            rows &&
            rows.length > 0 &&
            `1–${number(rows.length)} of ${last.total_is_lower_bound ? 'more than ' : ''}${number(last.total)}`}
          <span className="grow" />
          {found.isRefetchError && 'Not refreshed: the server does not answer.'}
        </>
      }
    >
      <DataTable
        caption="Devices"
        columns={organization ? COLUMNS.filter(({ id }) => id !== 'place') : COLUMNS}
        rows={rows}
        rowKey={(device) => device.id}
        error={found.error}
        onRetry={() => void found.refetch()}
        current={deviceId}
        onOpen={(device) => void navigate({ to: '/devices/$deviceId', params: { deviceId: device.id }, search: true })}
        empty={narrowed ? <NoMatch onClear={clear} /> : <NoDevices />}
        after={
          found.hasNextPage && (
            <div className="p-2 text-center">
              <Button
                size="sm"
                busy={found.isFetchingNextPage && 'Loading…'}
                onClick={() => void found.fetchNextPage()}
              >
                Show more
              </Button>
            </div>
          )
        }
      />
      <Outlet />
    </Page>
  )
}

const searchOf = (status: StatusFilter | undefined, text: string | undefined) => ({
  ...(status && { status }),
  ...(text && { text }),
})

const COLUMNS: readonly Column<Device>[] = [
  {
    id: 'name',
    head: 'Name',
    cell: (device) => {
      const Icon = roleIcon(device.role)
      return (
        <span className="flex items-center gap-2">
          <Icon className="size-3.5 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
          <Link
            to="/devices/$deviceId"
            params={{ deviceId: device.id }}
            search={true}
            title={device.name}
            className="truncate rounded-1 font-medium text-text"
          >
            {device.name}
          </Link>
        </span>
      )
    },
  },
  { id: 'status', head: 'Status', width: '108px', cell: (device) => <Status status={device.status} /> },
  {
    id: 'place',
    head: 'Organization, site',
    width: '22%',
    phone: false,
    cell: ({ organization, site }) => (
      <span title={`${organization.name} · ${site.name}`}>
        {organization.name} <span className="text-text-3">· {site.name}</span>
      </span>
    ),
  },
  {
    id: 'system',
    head: 'System',
    width: '20%',
    narrow: false,
    cell: ({ os }) => (
      <span className="text-text-2" title={os ?? undefined}>
        {os ?? <span className="text-text-3">unknown</span>}
      </span>
    ),
  },
  {
    id: 'seen',
    head: 'Last seen',
    width: '104px',
    phone: false,
    cell: (device) => (device.status === 'online' ? 'Now' : <When at={device.last_seen_at} />),
  },
  {
    id: 'conditions',
    head: 'Conditions',
    width: '18%',
    narrow: false,
    cell: (device) => <Conditions of={device} />,
  },
]

interface StatusTabsProps {
  organization: string | undefined
  text: string | undefined
  value: StatusFilter | undefined
  onChange: (value: StatusFilter | undefined) => void
}

/** Counts of all that match the other filters, so that they add up whichever is chosen. */
function StatusTabs({ organization, text, value, onChange }: StatusTabsProps) {
  const filter = { ...(organization && { organization }), ...(text && { text }) }
  const { data } = useQuery({
    queryKey: ['device-counts', filter],
    queryFn: () => api.tool<DeviceList>('list_devices', { ...filter, limit: 1 }),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  })
  const counts = data?.counts ?? undefined
  return (
    <Segmented
      label="Status"
      value={value ?? 'all'}
      onChange={(chosen) => onChange(chosen === 'all' ? undefined : chosen)}
      options={[
        { value: 'all', label: 'All', count: data?.total },
        { value: 'online', label: 'Online', count: counts?.online },
        { value: 'offline', label: 'Offline', count: counts?.offline },
        { value: 'pending', label: 'Pending', count: counts?.pending },
      ]}
    />
  )
}

const NoMatch = ({ onClear }: { onClear: () => void }) => (
  <StateView icon={ListFilter} title="No device matches" actions={<Button onClick={onClear}>Clear filters</Button>}>
    A filter is on. There may be devices without it.
  </StateView>
)

const NoDevices = () => (
  <StateView icon={MonitorSmartphone} title="No devices yet">
    Make an enrollment token and run its one line on a machine: it shows up here within a minute.
  </StateView>
)
