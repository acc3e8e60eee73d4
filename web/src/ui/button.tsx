import type { ComponentProps, ReactNode } from 'react'
import { cx } from './cx.ts'
import { TierGlyph, type TierNumber } from './tier.tsx'

export interface ButtonLook {
  variant?: 'default' | 'primary' | 'ghost' | 'danger' | 'danger-line'
  /** 28 in bars and rows, 32 in general, 40 signed out and in the feet of decisions. */
  size?: 'sm' | 'md' | 'lg'
  block?: boolean
  /** A square for one icon; it then needs an `aria-label`. */
  icon?: boolean
}

const VARIANTS = {
  default: 'border-line-strong bg-surface text-text hover:bg-hover active:bg-active [&_svg]:text-text-2',
  primary: 'border-transparent bg-accent text-accent-fg hover:bg-accent-hover',
  ghost: 'border-transparent bg-transparent text-text-2 hover:bg-hover hover:text-text active:bg-active',
  danger: 'border-transparent bg-danger text-danger-fg hover:bg-danger-hover',
  'danger-line': 'border-crit-line bg-surface text-crit hover:bg-crit-soft',
}
const SIZES = { sm: 'h-7 px-2.5 text-13', md: 'h-8 px-3 text-13', lg: 'h-10 px-4 text-14' }
const SQUARES = { sm: 'size-7', md: 'size-8', lg: 'size-10' }
const OFF = 'cursor-not-allowed border-line bg-sunken text-text-3 [&_svg]:text-current'

/** On a solid ground a tier's own colour can't be told from it: its glyph takes the label's. */
const GLYPHS: Partial<typeof VARIANTS> = { primary: '[&_svg]:text-current', danger: '[&_svg]:text-current' }
const NUMBERS: Partial<typeof VARIANTS> = {
  primary: '[&_.tier-number]:fill-accent',
  danger: '[&_.tier-number]:fill-danger',
}

const onSolid = (variant: keyof typeof VARIANTS, tier: TierNumber) => cx(GLYPHS[variant], tier > 2 && NUMBERS[variant])

/** For links that look like buttons. */
export function buttonClass({ variant = 'default', size = 'md', block, icon }: ButtonLook = {}, off = false): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-2 border leading-none font-medium whitespace-nowrap no-underline transition-colors duration-(--t-fast) max-sm:min-h-11',
    icon ? cx(SQUARES[size], 'max-sm:min-w-11') : SIZES[size],
    block && 'w-full',
    off ? OFF : VARIANTS[variant],
  )
}

export type ButtonProps = ButtonLook &
  Omit<ComponentProps<'button'>, 'disabled'> & {
    /** What is being done, such as "Revoking…": shown with a ring while it lasts, and nothing can be pressed. */
    busy?: string | false | undefined
    /** Why it can not be pressed now. It stays reachable, so that the reason can be read. */
    disabled?: boolean | string | undefined
    /** The tier of the act that it starts. */
    tier?: TierNumber | undefined
    children: ReactNode
  }

export function Button(props: ButtonProps) {
  const { variant, size, block, icon, busy = false, disabled = false, tier, children, className, ...rest } = props
  const off = disabled !== false || busy !== false
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={off || undefined}
      aria-busy={busy !== false || undefined}
      title={typeof disabled === 'string' ? disabled : rest.title}
      onClick={off ? (event) => event.preventDefault() : rest.onClick}
      className={cx(buttonClass({ variant, size, block, icon } as ButtonLook, disabled !== false), className)}
    >
      {busy === false ? (
        children
      ) : (
        <>
          <Ring />
          {icon ? <span className="sr-only">{busy}</span> : busy}
        </>
      )}
      {tier !== undefined && (
        <span className={cx('contents', disabled === false && onSolid(variant ?? 'default', tier))}>
          <TierGlyph tier={tier} />
        </span>
      )}
    </button>
  )
}

const Ring = () => (
  <svg viewBox="0 0 14 14" className="size-3.5 animate-spin" aria-hidden="true">
    <circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.6" opacity="0.3" />
    <path d="M7 1.5A5.5 5.5 0 0 1 12.5 7" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
  </svg>
)
