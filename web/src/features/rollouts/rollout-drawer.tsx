import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { LayersMinus } from 'lucide-react'
import { ApiError } from '../../app/api.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Note } from '../../ui/note.tsx'
import { Outcome } from '../../ui/outcome.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'
import { RolloutActs } from './rollout-acts.tsx'
import { RolloutDevices } from './rollout-devices.tsx'
import { Stages } from './stages.tsx'
import { wholeRollout, type WholeRollout } from './rollouts.ts'

const route = getRouteApi('/console/rollouts/$operationId')

export function RolloutDrawer() {
  const { operationId } = route.useParams()
  const { state } = route.useSearch()
  const navigate = route.useNavigate()
  const found = useQuery(wholeRollout(operationId))
  const whole = found.data
  const isAbsent = (found.error instanceof ApiError && [400, 404].includes(found.error.status)) || isNone(whole)
  return (
    <Drawer
      label={whole?.summary ?? 'Rollout'}
      onClose={() => void navigate({ to: '/rollouts', search: ({ state: _state, ...search }) => search })}
      title={
        <span className="flex items-center gap-3">
          <h2 className="truncate text-14 font-semi">Rollout</h2>
          {whole?.rollout && <Outcome state={whole.rollout.state} />}
        </span>
      }
    >
      {whole?.rollout && (
        <>
          <Head whole={whole} rollout={whole.rollout} />
          <Stages stages={whole.rollout.stages} />
          <RolloutDevices
            whole={whole}
            state={state}
            onState={(changed) =>
              void navigate({
                to: '.',
                search: ({ state: _state, ...rest }) => ({ ...rest, ...(changed && { state: changed }) }),
              })
            }
          />
        </>
      )}
      {isAbsent && (
        <StateView icon={LayersMinus} title="There is no such rollout">
          It is of devices that you do not reach, or its address is wrong.
        </StateView>
      )}
      {!whole && found.error && !isAbsent && (
        <FailedState what="The rollout" error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Drawer>
  )
}

/** An operation that is no rollout. */
const isNone = (whole: WholeRollout | undefined): boolean => whole !== undefined && whole.rollout === undefined

const Other = ({ operation, children }: { operation: string; children: string }) => (
  <Link
    to="/rollouts/$operationId"
    params={{ operationId: operation }}
    search={({ state: _state, ...search }) => search}
    className="link rounded-1"
  >
    {children}
  </Link>
)

function Head({ whole, rollout }: { whole: WholeRollout; rollout: NonNullable<WholeRollout['rollout']> }) {
  const { state, reason, next_at: next, undoes, rolled_back_by: undoneBy } = rollout
  return (
    <section className="flex flex-col gap-3 border-b border-line px-5 py-4">
      <p className="font-medium">{whole.summary}</p>
      <p className="text-text-3">
        Started <When at={whole.created_at} />
        {whole.finished_at !== null && (
          <>
            , ended <When at={whole.finished_at} />
          </>
        )}
        {next !== null && (
          <>
            , the next stage from <When at={next} />
          </>
        )}
      </p>
      {undoes !== undefined && (
        <p className="text-text-2">
          It takes back <Other operation={undoes}>another rollout</Other>.
        </p>
      )}
      {undoneBy !== undefined && (
        <p className="text-text-2">
          It was taken back by <Other operation={undoneBy}>a later rollout</Other>.
        </p>
      )}
      {reason !== null && (
        <Note tone={state === 'stopped' ? 'crit' : 'plain'} {...(state === 'stopped' && { title: 'Stopped.' })}>
          <span className="inline-block first-letter:uppercase">{reason}</span>
        </Note>
      )}
      <RolloutActs whole={whole} state={state} />
    </section>
  )
}
