import { Ban, Check, CheckCheck, MessageSquareMore, OctagonX, type LucideIcon } from 'lucide-react'
import { cx } from '../../ui/cx.ts'
import type { JudgedAction } from './risk-engine.ts'
import { type Verdict, verdictOf, verdictWords } from './words.ts'

const LOOKS: Readonly<Record<Verdict, { icon: LucideIcon; colour: string }>> = {
  runs: { icon: Check, colour: 'text-text-2' },
  confirm: { icon: MessageSquareMore, colour: 'text-t3' },
  approver: { icon: CheckCheck, colour: 'text-t3' },
  refused: { icon: Ban, colour: 'text-crit' },
  never: { icon: OctagonX, colour: 'text-t4' },
}

/** What would become of a call now. Only what stops or waits is coloured. */
export function VerdictMark({ action }: { action: JudgedAction }) {
  const { icon: Icon, colour } = LOOKS[verdictOf(action)]
  return (
    <span className={cx('inline-flex items-center gap-1.5 whitespace-nowrap', colour)}>
      <Icon className="size-4 shrink-0" strokeWidth={1.6} aria-hidden="true" />
      {verdictWords(action)}
    </span>
  )
}
