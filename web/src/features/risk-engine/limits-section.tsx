import { Gauge } from 'lucide-react'
import { Foot } from '../../app/layout/page.tsx'
import { cx } from '../../ui/cx.ts'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { number } from '../../ui/time.ts'
import type { LimitCount, RiskEngine } from './risk-engine.ts'
import { LIMIT_WORDS } from './words.ts'

interface LimitsSectionProps {
  engine: RiskEngine | undefined
  error: unknown
  onRetry: () => void
}

/** What the limits count at this moment, nearest to its limit first. */
export const LimitsSection = ({ engine, error, onRetry }: LimitsSectionProps) => (
  <>
    <div className="flex min-h-0 grow flex-col">
      <DataTable
        caption="Limits now"
        columns={COLUMNS}
        rows={engine?.limits}
        rowKey={({ credential, limit, tool }) => `${credential.id} ${limit} ${tool}`}
        height="two"
        error={error}
        onRetry={onRetry}
        empty={
          <StateView icon={Gauge} title="Nothing is counted now">
            Messages, streams and acts of keys and connected clients appear here while their minute lasts.
          </StateView>
        }
      />
    </div>
    <Foot>
      <span>Counted by the server process that answered; each process counts for itself</span>
    </Foot>
  </>
)

const COLUMNS: readonly Column<LimitCount>[] = [
  {
    id: 'credential',
    head: 'Key or client',
    cell: ({ credential: { name, user, kind } }) => (
      <span className="flex min-w-0 flex-col">
        <b className="truncate font-medium">{kind === 'oauth_grant' ? `“${name}”` : name}</b>
        <span className="truncate text-12 text-text-3">{user ?? 'another user'}</span>
      </span>
    ),
  },
  {
    id: 'limit',
    head: 'Limit',
    width: '28%',
    cell: ({ limit, tool }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">{LIMIT_WORDS[limit]}</span>
        {tool !== null && <code className="truncate text-12 text-text-3">{tool}</code>}
      </span>
    ),
  },
  { id: 'meter', head: '', headLabel: 'Share', width: '112px', phone: false, cell: (count) => <Meter {...count} /> },
  {
    id: 'used',
    head: 'Used',
    width: '112px',
    align: 'right',
    cell: ({ used, most }) => (
      <span className="tabular-nums">
        {number(used)} <span className="text-text-3">/ {number(most)}</span>
      </span>
    ),
  },
  {
    id: 'left',
    head: 'Anew in',
    width: '80px',
    align: 'right',
    phone: false,
    cell: ({ seconds_left: left }) => (left === null ? '' : `${left} s`),
  },
]

function Meter({ used, most }: LimitCount) {
  const share = Math.min(1, used / most)
  return (
    <svg
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      className="block h-1.5 w-full rounded-full bg-active"
      aria-hidden="true"
    >
      <rect width={100 * share} height="6" className={cx(share < 1 ? 'fill-accent' : 'fill-med-mark')} />
    </svg>
  )
}
