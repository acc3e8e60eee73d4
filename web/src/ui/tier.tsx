/** How far an act may reach. The number is always inside the shape, so that neither colour nor word is needed to tell. */
import { cx } from './cx.ts'

export type TierNumber = 1 | 2 | 3 | 4
export const TIER_WORDS: Readonly<Record<TierNumber, string>> = { 1: 'Read', 2: 'Write', 3: 'High impact', 4: 'Never' }
export const TIER_TEXT: Readonly<Record<TierNumber, string>> = {
  1: 'text-t1',
  2: 'text-t2',
  3: 'text-t3',
  4: 'text-t4',
}

export function TierGlyph({ tier, label }: { tier: TierNumber; label?: boolean }) {
  const named = label
    ? { role: 'img', 'aria-label': `Tier ${tier}, ${TIER_WORDS[tier]}` }
    : ({ 'aria-hidden': true } as const)
  return (
    <svg viewBox="0 0 16 16" className={cx('size-4 shrink-0', TIER_TEXT[tier])} {...named}>
      {tier === 1 && <circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" strokeWidth="1.4" />}
      {tier === 2 && (
        <rect x="1" y="1" width="14" height="14" rx="3.5" fill="none" stroke="currentColor" strokeWidth="1.4" />
      )}
      {tier === 3 && <path fill="currentColor" d="M8 0l7 4v8l-7 4-7-4V4z" />}
      {tier === 4 && <rect width="16" height="16" rx="3.5" fill="currentColor" />}
      <text
        x="8"
        y="11.4"
        textAnchor="middle"
        className={cx('tier-number', tier < 3 ? 'fill-current' : tier === 3 ? 'fill-surface' : 'fill-t4-fg')}
      >
        {tier}
      </text>
    </svg>
  )
}

/** Glyph and word; `more` follows the word, such as the number of tools. */
export function Tier({ tier, more }: { tier: TierNumber; more?: string }) {
  return (
    <span className={cx('inline-flex items-center gap-1.5 text-12 font-medium whitespace-nowrap', TIER_TEXT[tier])}>
      <TierGlyph tier={tier} />
      {TIER_WORDS[tier]}
      {more !== undefined && ` · ${more}`}
    </span>
  )
}
