import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { FileX, ListFilter, MonitorX } from 'lucide-react'
import { ApiError } from '../../app/api.ts'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { Counts } from '../../ui/counts.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { Outcome, outcomeWord } from '../../ui/outcome.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { PatientSearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'
import { RunActs } from './run-acts.tsx'
import { DeviceOutput } from './run-output.tsx'
import {
  type DeviceRun,
  isOpen,
  isSent,
  operationOf,
  partsOf,
  runResults,
  type RunPage as Results,
  type RunSearch,
  took,
  waitingText,
} from './runs.ts'
import { wholeScript } from './scripts.ts'

const route = getRouteApi('/console/scripts/runs/$runId')

export function RunPage() {
  const { runId } = route.useParams()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const options = runResults(runId, search)
  const list = useToolList(options, (page: Results) => page.devices)
  // Whatever is narrowed to, the counts are of the whole run.
  const head = useQuery(headOf(list.last))
  const script = useQuery({ ...wholeScript(search.script ?? ''), enabled: search.script !== undefined })
  const name = script.data?.script.name
  const change = (changed: { [Key in keyof RunSearch]: RunSearch[Key] | undefined }) => {
    const set = Object.entries({ ...search, ...changed }).filter(([, value]) => value)
    void navigate({ to: '.', search: Object.fromEntries(set), replace: 'text' in changed })
  }
  const results = list.last
  const absent = list.error instanceof ApiError && [400, 404].includes(list.error.status) && !results
  const opened = list.rows?.find(({ id }) => id === search.device)
  return (
    <Page
      title={name === undefined ? 'Script run' : `Run of ${name}`}
      crumbs={[{ label: 'Scripts', path: '/scripts' }]}
      toolbar={results && <Filters search={search} counts={results.counts} onChange={change} />}
      foot={<ListCount list={list} one="device" many="devices" />}
    >
      {absent ? (
        <StateView icon={FileX} title="There is no such run">
          It is of devices that you do not reach, or its address is wrong.{' '}
          <Link to="/scripts" className="link">
            All scripts
          </Link>
        </StateView>
      ) : (
        <>
          {results && (
            <section className="flex flex-col gap-3 border-b border-line px-4 py-4 sm:px-6">
              <div className="flex items-start gap-4 max-sm:flex-col">
                <div className="min-w-0 grow">
                  <h2 className="text-14 font-semi">{head.data?.summary ?? 'Script run'}</h2>
                  {head.data && (
                    <p className="text-text-3">
                      Started <When at={head.data.created_at} />
                      {head.data.finished_at !== null && (
                        <>
                          , ended <When at={head.data.finished_at} />
                        </>
                      )}
                    </p>
                  )}
                </div>
                <RunActs results={results} script={script.data} />
              </div>
              <ProgressBar parts={partsOf(results.counts)} />
              <div className="flex flex-wrap gap-x-4 gap-y-1" role="status">
                <Counts counts={results.counts} />
                <span className="text-text-3">{head.data?.waiting.map(waitingText).join('; ')}</span>
                {head.data?.rollout && (
                  <Link
                    to="/rollouts/$operationId"
                    params={{ operationId: results.operation }}
                    className="link rounded-1"
                  >
                    Its stages
                  </Link>
                )}
              </div>
            </section>
          )}
          <ToolTable
            caption="Results"
            columns={COLUMNS}
            list={list}
            rowKey={({ id }) => id}
            current={search.device}
            onOpen={({ id }) => change({ device: id })}
            empty={
              search.state || search.text ? (
                <NoMatch onClear={() => change({ state: undefined, text: undefined })} />
              ) : (
                <StateView icon={MonitorX} title="It reached no device">
                  None of its devices could carry it out.
                </StateView>
              )
            }
          />
        </>
      )}
      {search.device !== undefined && results && (
        <DeviceOutput
          key={search.device}
          run={results.run}
          device={search.device}
          listed={opened}
          onClose={() => change({ device: undefined })}
        />
      )}
    </Page>
  )
}

const headOf = (results: Results | undefined) =>
  operationOf(results?.operation, results !== undefined && isOpen(results.counts))

interface FiltersProps {
  search: RunSearch
  counts: Record<string, number>
  onChange: (changed: { state?: string | undefined; text?: string | undefined }) => void
}

function Filters({ search, counts, onChange }: FiltersProps) {
  const states = Object.entries(counts).filter(
    ([state, count]) => isSent(state) && (count > 0 || state === search.state),
  )
  return (
    <>
      <PatientSearchField
        label="Find in output"
        placeholder="Find in output"
        value={search.text ?? ''}
        onChange={(text) => onChange({ text })}
      />
      <Segmented
        label="State"
        value={search.state ?? 'all'}
        options={[
          { value: 'all', label: 'All' },
          ...states.map(([state, count]) => ({
            value: state,
            label: <span className="inline-block first-letter:uppercase">{outcomeWord(state)}</span>,
            count,
          })),
        ]}
        onChange={(state) => onChange({ state: state === 'all' ? undefined : state })}
      />
    </>
  )
}

const COLUMNS: readonly Column<DeviceRun>[] = [
  {
    id: 'device',
    head: 'Device',
    cell: (device) => <Name device={device} />,
  },
  { id: 'state', head: 'State', width: '128px', cell: ({ state }) => <Outcome state={state} /> },
  {
    id: 'exit',
    head: 'Exit code',
    width: '80px',
    align: 'right',
    phone: false,
    cell: ({ exit_code: code }) => <span className="tabular-nums">{code ?? ''}</span>,
  },
  {
    id: 'took',
    head: 'Took',
    width: '96px',
    align: 'right',
    narrow: false,
    cell: ({ duration_ms: ms = null }) => (
      <span className="text-text-2 tabular-nums">{ms === null ? '' : took(ms)}</span>
    ),
  },
  {
    id: 'said',
    head: 'What the device wrote',
    width: '46%',
    phone: false,
    cell: (device) => <Said device={device} />,
  },
]

function Name({ device: { id, name } }: { device: DeviceRun }) {
  return (
    <Link
      from="/scripts/runs/$runId"
      to="."
      search={(search) => ({ ...search, device: id })}
      className="block truncate rounded-1 font-medium text-text"
      title={name}
    >
      {name}
    </Link>
  )
}

/** One line of it, as text and set apart; all of it is a press away. */
function Said({ device: { output, reason, expires_at: until } }: { device: DeviceRun }) {
  const said = output?.trim() || reason
  if (said !== undefined && said !== '')
    return (
      <span className="block truncate border-l-3 border-line-control pl-2 font-mono text-12 text-text-2 [border-left-style:double]">
        {said.slice(0, 300)}
      </span>
    )
  if (until === undefined) return null
  return (
    <span className="text-text-3">
      waits, at most until <When at={until} />
    </span>
  )
}

const NoMatch = ({ onClear }: { onClear: () => void }) => (
  <StateView icon={ListFilter} title="No device matches" actions={<Button onClick={onClear}>Clear filters</Button>}>
    A filter is on. Only the first 60,000 characters of each output are looked through.
  </StateView>
)
