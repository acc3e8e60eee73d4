import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Outlet, useParams } from '@tanstack/react-router'
import { Layers } from 'lucide-react'
import { useRef } from 'react'
import { Page } from '../../app/layout/page.tsx'
import { useLiveList } from '../../app/live-list.ts'
import { useChosenOrganization } from '../../app/organization.ts'
import { useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Outcome } from '../../ui/outcome.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { kindOf, progressOf, type Rollout, rolloutList } from './rollouts.ts'

const route = getRouteApi('/console/rollouts')
const LIST = ['list_rollouts'] as const
/** The open one stands beside the list, and moves nothing in it. */
const BESIDE = ['get_operation'] as const

export function RolloutsPage() {
  const organization = useChosenOrganization(useSession())
  const { all = false } = route.useSearch()
  const navigate = route.useNavigate()
  const { operationId } = useParams({ strict: false })
  const found = useQuery(rolloutList(all, organization?.id))
  const body = useRef<HTMLDivElement>(null)
  const live = useLiveList({ subject: 'rollouts', tools: LIST, beside: BESIDE, list: body })
  const { data } = found
  return (
    <Page
      title="Rollouts"
      toolbar={
        <Segmented
          label="Which"
          value={all ? 'all' : 'open'}
          options={[
            { value: 'open', label: 'Going on' },
            { value: 'all', label: 'All' },
          ]}
          onChange={(value) => void navigate({ to: '.', search: value === 'all' ? { all: true } : {} })}
        />
      }
      foot={
        <>
          {data && (
            <span role="status">
              {number(data.total)} {data.total === 1 ? 'rollout' : 'rollouts'}
              {data.total > data.rollouts.length && `, the latest ${data.rollouts.length} are shown`}
              {found.isRefetchError && ' · not refreshed: the server does not answer'}
            </span>
          )}
          <span className="grow" />
          {live.waiting && (
            <Button size="sm" variant="ghost" onClick={live.refresh}>
              Rollouts changed. Show them
            </Button>
          )}
        </>
      }
    >
      <div ref={body} className="contents">
        <DataTable
          caption="Rollouts"
          columns={COLUMNS}
          rows={data?.rollouts}
          rowKey={({ operation }) => operation}
          height="two"
          error={found.error}
          onRetry={() => void found.refetch()}
          current={operationId}
          onOpen={({ operation }) =>
            void navigate({ to: '/rollouts/$operationId', params: { operationId: operation }, search: withoutState })
          }
          empty={<Nothing all={all} />}
        />
      </div>
      <Outlet />
    </Page>
  )
}

/** The state narrows the devices of the one that was open. */
const withoutState = <Search extends { state?: string }>({ state: _state, ...search }: Search) => search

const COLUMNS: readonly Column<Rollout>[] = [
  {
    id: 'what',
    head: 'What it does',
    cell: (rollout) => (
      <span className="flex min-w-0 flex-col">
        <Link
          to="/rollouts/$operationId"
          params={{ operationId: rollout.operation }}
          search={withoutState}
          title={rollout.summary}
          className="truncate rounded-1 font-medium text-text"
        >
          {rollout.summary}
        </Link>
        <span className="truncate text-12 text-text-3" title={rollout.reason ?? undefined}>
          {rollout.reason ?? kindOf(rollout)}
        </span>
      </span>
    ),
  },
  { id: 'state', head: 'State', width: '112px', cell: ({ state }) => <Outcome state={state} /> },
  {
    id: 'stage',
    head: 'Stage',
    width: '14%',
    narrow: false,
    cell: ({ stage, stages }) => (
      <span className="text-text-2">
        {stage ?? 'None yet'}
        <span className="text-text-3">, of {stages}</span>
      </span>
    ),
  },
  {
    id: 'progress',
    head: 'Devices',
    width: '17%',
    phone: false,
    cell: (rollout) => (
      <span className="flex flex-col gap-1.5">
        <ProgressBar parts={progressOf(rollout)} />
        <span className="text-12 text-text-2 tabular-nums">
          {number(rollout.succeeded)} of {number(rollout.devices)}
          {rollout.failed > 0 && <span className="text-crit">, {number(rollout.failed)} failed</span>}
        </span>
      </span>
    ),
  },
  {
    id: 'by',
    head: 'Started by',
    width: '15%',
    narrow: false,
    cell: ({ started_by: by, client, created_at: at }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate" title={by}>
          {by}
        </span>
        <span className="truncate text-12 text-text-3">
          {client !== null && `through ${client}, `}
          <When at={at} />
        </span>
      </span>
    ),
  },
]

const Nothing = ({ all }: { all: boolean }) => (
  <StateView icon={Layers} title={all ? 'No rollouts yet' : 'Nothing is being rolled out'}>
    What goes over many devices stage by stage shows up here: how far it is, what failed, and why it stopped.
  </StateView>
)
