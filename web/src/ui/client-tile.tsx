import { BadgeCheck, ShieldQuestionMark } from 'lucide-react'
import { cx } from './cx.ts'

const SIZES = { sm: 'size-5 text-[9px] rounded-1', md: 'size-6 text-[10px] rounded-2', lg: 'size-10 text-14 rounded-3' }

/** Two letters of a client's name: never a picture from somebody else's server. */
export function ClientTile({ name, size = 'md' }: { name: string; size?: keyof typeof SIZES }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        'inline-grid shrink-0 place-items-center border border-line-strong bg-surface leading-none font-semi text-text-2',
        SIZES[size],
      )}
    >
      {monogram(name)}
    </span>
  )
}

export function monogram(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  const [first = '?', second] = words
  const [a = '', b = ''] = second === undefined ? [...first] : [[...first][0], [...second][0]]
  return second === undefined ? a + b : (a + b).toUpperCase()
}

/** The line below the name: who vouches for the client. */
export function ClientOrigin(props: { verified: boolean; host: string | null; first_party?: boolean }) {
  const { verified, host, first_party } = props
  if (first_party) return <span className="text-12 text-accent-text">First-party</span>
  const Icon = verified ? BadgeCheck : ShieldQuestionMark
  return (
    <span className={cx('inline-flex items-center gap-1 text-12', verified ? 'text-ok' : 'text-med')}>
      <Icon className="size-3" strokeWidth={1.6} aria-hidden="true" />
      {verified ? (host ?? 'Verified') : `Unverified${host === null ? '' : ` · ${host}`}`}
    </span>
  )
}
