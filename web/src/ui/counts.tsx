import { cx } from './cx.ts'
import { number } from './time.ts'

const TONES: Readonly<Record<string, string>> = {
  succeeded: 'text-ok',
  failed: 'text-crit',
  timed_out: 'text-crit',
  rejected: 'text-crit',
  interrupted: 'text-crit',
  expired: 'text-med',
}

/** How many devices are in which state, in words: "12 succeeded, 1 failed". */
export function Counts({ counts }: { counts: Readonly<Record<string, number>> }) {
  const states = Object.entries(counts).filter(([, count]) => count > 0)
  if (states.length === 0) return <span className="text-text-3">No device</span>
  return (
    <span className="flex flex-wrap gap-x-3 tabular-nums">
      {states.map(([state, count]) => (
        <span key={state} className={cx(TONES[state] ?? 'text-text-2')}>
          {number(count)} {state.replaceAll('_', ' ')}
        </span>
      ))}
    </span>
  )
}
