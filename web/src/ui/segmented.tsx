import type { ReactNode } from 'react'
import { cx } from './cx.ts'

interface SegmentedProps<Value extends string> {
  label: string
  value: Value
  options: readonly { value: Value; label: ReactNode; count?: number | undefined }[]
  onChange: (value: Value) => void
}

/** One of a few, at once in force. */
export function Segmented<Value extends string>({ label, value, options, onChange }: SegmentedProps<Value>) {
  return (
    <div role="group" aria-label={label} className="inline-flex rounded-2 border border-line-strong">
      {options.map((option, index) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          className={cx(
            'inline-flex h-6.5 items-center gap-1.5 px-2.5 font-medium whitespace-nowrap text-text-2 hover:text-text aria-pressed:bg-active aria-pressed:text-text max-sm:h-11',
            index > 0 && 'border-l border-line-strong',
            index === 0 && 'rounded-l-[5px]',
            index === options.length - 1 && 'rounded-r-[5px]',
          )}
        >
          {option.label}
          {option.count !== undefined && <span className="font-regular text-text-3 tabular-nums">{option.count}</span>}
        </button>
      ))}
    </div>
  )
}
