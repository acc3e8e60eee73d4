import { cx } from './cx.ts'

export function Avatar({ name, size = 'md' }: { name: string; size?: 'md' | 'lg' }) {
  const [a = '', b = ''] = name.split(/[\s.@_-]+/).filter(Boolean)
  return (
    <span
      aria-hidden="true"
      className={cx(
        'inline-grid shrink-0 place-items-center rounded-full bg-active leading-none font-semi text-text-2',
        size === 'lg' ? 'size-7 text-11' : 'size-5 text-[9px]',
      )}
    >
      {((a[0] ?? '?') + (b[0] ?? '')).toUpperCase()}
    </span>
  )
}
