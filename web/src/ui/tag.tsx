import type { ReactNode } from 'react'
import { cx } from './cx.ts'

export type TagTone = 'plain' | 'accent' | 'ok' | 'warn' | 'crit' | 't2' | 't3'
const TONES: Readonly<Record<TagTone, string>> = {
  plain: 'border-line-strong bg-surface text-text-2',
  accent: 'border-accent-line bg-accent-soft text-accent-text',
  ok: 'border-ok-line bg-ok-soft text-ok',
  warn: 'border-med-line bg-med-soft text-med',
  crit: 'border-crit-line bg-crit-soft text-crit',
  t2: 'border-t2-line bg-t2-soft text-t2',
  t3: 'border-t3-line bg-t3-soft text-t3',
}

export function Tag({ tone = 'plain', mono, children }: { tone?: TagTone; mono?: boolean; children: ReactNode }) {
  return (
    <span
      className={cx(
        'inline-flex h-5 items-center gap-1 rounded-1 border px-1.5 text-12 leading-none whitespace-nowrap',
        mono ? 'font-mono font-regular' : 'font-medium',
        TONES[tone],
      )}
    >
      {children}
    </span>
  )
}
