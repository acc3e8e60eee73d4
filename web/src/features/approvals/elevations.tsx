/** What keys and connected clients hold for a while beside their own scopes, and the way to end it. */
import { useQuery } from '@tanstack/react-query'
import { Hourglass } from 'lucide-react'
import { api } from '../../app/api.ts'
import { useToolAct } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'

interface Elevation {
  id: string
  in_force: boolean
  scope: string
  organization: { id: string; name: string }
  credential: { kind: string; name: string }
  user: { name: string }
  reason: string
  granted_by: string
  ends_at: string
  ended: { at: string; because: keyof typeof ENDINGS; by: string | null } | null
}

const ENDINGS = {
  time: 'by its time',
  person: 'in person',
  emergency_stop: 'by an emergency stop',
  credential: 'with its credential',
} as const

const REFRESH_MS = 10_000

export function Elevations({ organization }: { organization: string | undefined }) {
  const filter = { all: true, ...(organization !== undefined && { organization }) }
  const found = useQuery({
    queryKey: ['list_elevations', filter],
    queryFn: async () => (await api.tool<{ elevations: Elevation[] }>('list_elevations', filter)).elevations,
    refetchInterval: REFRESH_MS,
    retry: false,
  })
  return (
    <DataTable
      caption="Elevations"
      columns={COLUMNS}
      rows={found.data}
      rowKey={({ id }) => id}
      height="two"
      error={found.error}
      onRetry={() => void found.refetch()}
      empty={
        <StateView icon={Hourglass} title="Nothing was granted for a while">
          A key or client that lacks a scope asks for it with request_elevation; the request waits here for a decision.
        </StateView>
      }
    />
  )
}

const COLUMNS: readonly Column<Elevation>[] = [
  {
    id: 'what',
    head: 'What, where and why',
    cell: ({ scope, organization, reason }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">
          <code>{scope}</code> at {organization.name}
        </span>
        <span className="truncate text-12 text-text-3" title={reason}>
          {reason}
        </span>
      </span>
    ),
  },
  {
    id: 'who',
    head: 'For',
    width: '24%',
    phone: false,
    cell: ({ credential, user, granted_by: by }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">
          {credential.name} of {user.name}
        </span>
        <span className="truncate text-12 text-text-3">granted by {by}</span>
      </span>
    ),
  },
  {
    id: 'state',
    head: 'State',
    width: '18%',
    cell: ({ ended, ends_at: until }) => (
      <span className="flex min-w-0 flex-col">
        <span>{ended ? 'Ended' : 'In force'}</span>
        <span className="truncate text-12 text-text-3">
          {ended ? `${ENDINGS[ended.because]}, ` : 'until '}
          <When at={ended?.at ?? until} />
        </span>
      </span>
    ),
  },
  {
    id: 'act',
    head: '',
    headLabel: 'Act',
    width: '7rem',
    align: 'right',
    cell: (elevation) => elevation.in_force && <EndNow elevation={elevation} />,
  },
]

function EndNow({ elevation }: { elevation: Elevation }) {
  const end = useToolAct<{ elevation: string }, unknown>('end_elevation', {
    refresh: ['list_elevations'],
    said: () => 'Ended. Its next call is judged without it.',
    loud: true,
  })
  return (
    <Button
      size="sm"
      busy={end.busy && 'Ending…'}
      onClick={() => end.run({ elevation: elevation.id })}
      aria-label={`End ${elevation.scope} of ${elevation.credential.name} now`}
    >
      End now
    </Button>
  )
}
