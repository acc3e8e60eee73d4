import { Link } from '@tanstack/react-router'
import { Outcome, outcomeWord } from '../../ui/outcome.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { number } from '../../ui/time.ts'
import type { WholeRollout } from './rollouts.ts'

interface RolloutDevicesProps {
  whole: WholeRollout
  state: string | undefined
  onState: (state: string | undefined) => void
}

/** Failed ones first, each with its reason: some of them in the words of the device. */
export function RolloutDevices({ whole: { devices, counts, total }, state, onState }: RolloutDevicesProps) {
  const shown = state === undefined ? devices : devices.filter((device) => device.state === state)
  const left = total - devices.length
  const states = Object.entries(counts).filter(([of, count]) => count > 0 || of === state)
  return (
    <section className="px-5 py-4">
      <h3 className="mb-2 font-semi">Devices</h3>
      {states.length > 1 && (
        <div className="mb-2 overflow-x-auto">
          <Segmented
            label="State"
            value={state ?? 'all'}
            options={[
              { value: 'all', label: 'All', count: total },
              ...states.map(([of, count]) => ({
                value: of,
                label: <span className="inline-block first-letter:uppercase">{outcomeWord(of)}</span>,
                count,
              })),
            ]}
            onChange={(chosen) => onState(chosen === 'all' ? undefined : chosen)}
          />
        </div>
      )}
      <ul className="flex flex-col">
        {shown.map(({ id, name, state: of, reason }) => (
          <li key={id} className="flex flex-col gap-0.5 border-b border-line py-2 last:border-b-0">
            <span className="flex items-center gap-3">
              <Link to="/devices/$deviceId" params={{ deviceId: id }} className="link min-w-0 grow truncate rounded-1">
                {name}
              </Link>
              <Outcome state={of} />
            </span>
            {reason !== undefined && (
              <span className="border-l-3 border-line-control pl-2 text-12 text-text-2 wrap-anywhere [border-left-style:double]">
                {reason}
              </span>
            )}
          </li>
        ))}
        {shown.length === 0 && <li className="text-text-3">None of those that are shown.</li>}
        {left > 0 && <li className="py-2 text-text-3">{number(left)} more devices are not shown.</li>}
      </ul>
    </section>
  )
}
