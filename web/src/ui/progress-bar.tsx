import { number } from './time.ts'

export type ProgressTone = 'succeeded' | 'failed' | 'going' | 'left'
export interface ProgressPart {
  tone: ProgressTone
  count: number
  /** "succeeded", in words. */
  said: string
}

/** Of so many devices, how many came how far. The words say the same for those who do not see it. */
export function ProgressBar({ parts }: { parts: readonly ProgressPart[] }) {
  const shown = parts.filter(({ count }) => count > 0)
  const said = shown.map(({ count, said }) => `${number(count)} ${said}`).join(', ')
  return (
    <svg
      role="img"
      aria-label={said || 'No device'}
      viewBox="0 0 100 6"
      preserveAspectRatio="none"
      className="block h-1.5 w-full overflow-hidden rounded-full bg-active"
    >
      <Parts parts={shown} />
    </svg>
  )
}

const FILLS: Readonly<Record<ProgressTone, string>> = {
  succeeded: 'fill-ok-mark',
  failed: 'fill-crit-mark',
  going: 'fill-low-mark',
  left: 'fill-active',
}

/** Side by side, each as wide as its share. */
function Parts({ parts }: { parts: readonly ProgressPart[] }) {
  const total = parts.reduce((sum, { count }) => sum + count, 0)
  let from = 0
  return parts.map(({ tone, count }) => {
    const x = from
    const width = (100 * count) / total
    from += width
    return <rect key={tone} x={x} y="0" width={width} height="6" className={FILLS[tone]} />
  })
}
