import type { ReactNode } from 'react'
import { CircleAlert, Info, ShieldQuestionMark, TriangleAlert, type LucideIcon } from 'lucide-react'
import { cx } from './cx.ts'

export type NoteTone = 'plain' | 'high-impact' | 'warn' | 'crit'
const TONES: Readonly<Record<NoteTone, { box: string; icon: string; Icon: LucideIcon }>> = {
  plain: { box: 'border-line bg-sunken', icon: 'text-text-2', Icon: Info },
  'high-impact': { box: 'border-t3-line bg-t3-soft', icon: 'text-t3', Icon: TriangleAlert },
  warn: { box: 'border-med-line bg-med-soft', icon: 'text-med', Icon: ShieldQuestionMark },
  crit: { box: 'border-crit-line bg-crit-soft', icon: 'text-crit', Icon: CircleAlert },
}

interface NoteProps {
  tone?: NoteTone
  /** The fact, in bold; what follows from it are the children. */
  title?: ReactNode
  icon?: LucideIcon
  children?: ReactNode
  action?: ReactNode
  /** Announced at once: for what just happened. */
  alert?: boolean
}

export function Note({ tone = 'plain', title, icon, children, action, alert }: NoteProps) {
  const { box, icon: colour, Icon } = TONES[tone]
  const Shown = icon ?? Icon
  return (
    <div className={cx('flex gap-2.5 rounded-2 border px-3 py-2.5', box)} role={alert ? 'alert' : undefined}>
      <Shown className={cx('mt-0.5 size-4 shrink-0', colour)} strokeWidth={1.6} aria-hidden="true" />
      <div className="min-w-0 grow">
        {title !== undefined && <b className="font-semi">{title}</b>} {children}
      </div>
      {action}
    </div>
  )
}
