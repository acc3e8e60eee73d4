import { useQuery } from '@tanstack/react-query'
import { OctagonX } from 'lucide-react'
import { can, withheld } from '../../app/permissions.ts'
import { type Session, useSession } from '../../app/session.ts'
import { When } from '../../ui/when.tsx'
import { type Stop, stops, subjectOf, useLift } from './stops.ts'

/** Over every page, while acts are refused: where, why, by whom, since when, and the way back. */
export function StopBars() {
  const session = useSession()
  const { data } = useQuery({ ...stops, enabled: can(session, 'governance.read') })
  if (!data || data.length === 0) return null
  return (
    <section aria-label="Emergency stops" className="relative z-20 max-h-28 overflow-auto">
      {data.map((stop) => (
        <StopBar key={`${stop.kind} ${stop.id} ${stop.stopped_at}`} stop={stop} session={session} />
      ))}
    </section>
  )
}

function StopBar({ stop, session }: { stop: Stop; session: Session }) {
  const lift = useLift()
  const off = withheld(session, 'governance.write')
  return (
    <div role="alert" className="flex min-h-7 items-center gap-2 bg-danger px-3 py-0.5 text-12 text-danger-fg">
      <OctagonX className="size-3.5 shrink-0" strokeWidth={1.6} aria-hidden="true" />
      <span className="min-w-0 grow wrap-anywhere">
        <b className="font-semi">{whatStops(stop)}</b> {stop.reason} · {stop.stopped_by ?? 'the partner'}, since{' '}
        <When at={stop.stopped_at} />
      </span>
      <button
        type="button"
        aria-label={`Lift the stop: ${whatStops(stop)}`}
        aria-disabled={off !== false || lift.busy || undefined}
        title={off === false ? undefined : off}
        onClick={() => off === false && !lift.busy && lift.run({ action: 'lift', ...subjectOf(stop) })}
        className="shrink-0 rounded-1 px-2 font-medium underline underline-offset-2 aria-disabled:cursor-not-allowed max-sm:min-h-11"
      >
        {lift.busy ? 'Lifting…' : 'Lift'}
      </button>
    </div>
  )
}

function whatStops({ kind, name }: Stop): string {
  if (kind === 'everything') return 'All acts are refused.'
  if (kind === 'organization') return `All acts in ${name ?? 'an organization'} are refused.`
  return 'The acts of one key are refused.'
}
