import {
  Ban,
  Check,
  CircleDashed,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
  Pause,
  TriangleAlert,
  X,
} from 'lucide-react'
import { cx } from './cx.ts'

interface Look {
  Icon: LucideIcon
  colour: string
  word?: string
}
const DONE: Look = { Icon: Check, colour: 'text-ok' }
const BROKEN: Look = { Icon: X, colour: 'text-crit' }
const GOES: Look = { Icon: LoaderCircle, colour: 'text-low' }
const WAITS: Look = { Icon: Hourglass, colour: 'text-text-3' }
const ENDED: Look = { Icon: Ban, colour: 'text-text-3' }

const LOOKS: Readonly<Record<string, Look>> = {
  succeeded: DONE,
  finished: DONE,
  up_to_date: { ...DONE, word: 'up to date' },
  missing: { Icon: TriangleAlert, colour: 'text-med', word: 'lacks updates' },
  done: DONE,
  failed: BROKEN,
  rejected: BROKEN,
  interrupted: BROKEN,
  timed_out: { ...BROKEN, word: 'timed out' },
  stopped: { Icon: TriangleAlert, colour: 'text-high' },
  partial: { Icon: TriangleAlert, colour: 'text-high', word: 'partly failed' },
  paused: { Icon: Pause, colour: 'text-med' },
  expired: { Icon: Hourglass, colour: 'text-med' },
  passed_over: { ...ENDED, word: 'passed over' },
  cancelled: ENDED,
  queued: WAITS,
  waiting: WAITS,
  due: WAITS,
  soaking: WAITS,
  delivered: { ...GOES, word: 'sent' },
  accepted: { ...GOES, word: 'taken on' },
  started: { ...GOES, word: 'running' },
  running: GOES,
}

/** How it stands, by shape and word. A state that this page does not know is shown as it came. */
export function Outcome({ state }: { state: string }) {
  const { Icon, colour, word } = LOOKS[state] ?? { Icon: CircleDashed, colour: 'text-text-2' }
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <Icon className={cx('size-3.5 shrink-0', colour)} strokeWidth={2} aria-hidden="true" />
      <span className="inline-block first-letter:uppercase">{word ?? outcomeWord(state)}</span>
    </span>
  )
}

export const outcomeWord = (state: string): string => LOOKS[state]?.word ?? state.replaceAll('_', ' ')
