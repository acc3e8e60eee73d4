import { cx } from './cx.ts'

export type SeverityLevel = 'critical' | 'high' | 'medium' | 'low' | 'info'
const LOOKS: Readonly<Record<SeverityLevel, { text: string; mark: string; word: string }>> = {
  critical: { text: 'text-crit', mark: 'text-crit-mark', word: 'Critical' },
  high: { text: 'text-high', mark: 'text-high-mark', word: 'High' },
  medium: { text: 'text-med', mark: 'text-med-mark', word: 'Medium' },
  low: { text: 'text-low', mark: 'text-low-mark', word: 'Low' },
  info: { text: 'text-info', mark: 'text-info-mark', word: 'Info' },
}

/** How bad it is: a shape of its own for each level. `children` may replace the word, with a count for example. */
export function Severity({ level, children }: { level: SeverityLevel; children?: React.ReactNode }) {
  const { text, mark, word } = LOOKS[level]
  const alone = children !== undefined
  return (
    <span className={cx('inline-flex items-center gap-1.5 font-medium whitespace-nowrap', text)}>
      <svg
        viewBox="0 0 14 14"
        className={cx('size-3.5 shrink-0', mark)}
        {...(alone ? { role: 'img', 'aria-label': word } : { 'aria-hidden': true })}
      >
        {level === 'critical' && (
          <>
            <path fill="currentColor" d="M4.4 0h5.2L14 4.4v5.2L9.6 14H4.4L0 9.6V4.4z" />
            <path className="stroke-surface" strokeWidth="1.8" strokeLinecap="round" d="M7 3.6v4M7 10.3v.01" />
          </>
        )}
        {level === 'high' && (
          <path fill="currentColor" d="M6.1 1.2a1 1 0 0 1 1.8 0l5.9 10.6a.9.9 0 0 1-.8 1.4H1a.9.9 0 0 1-.8-1.4z" />
        )}
        {level === 'medium' && (
          <rect fill="currentColor" x="2.4" y="2.4" width="9.2" height="9.2" rx="1.4" transform="rotate(45 7 7)" />
        )}
        {level === 'low' && <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" strokeWidth="2" />}
        {level === 'info' && <circle cx="7" cy="7" r="2.6" fill="currentColor" />}
      </svg>
      {children ?? word}
    </span>
  )
}
