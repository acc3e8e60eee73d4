import { CircleAlert } from 'lucide-react'
import { type ComponentProps, type ReactNode, useId } from 'react'
import { cx } from './cx.ts'

export const INPUT =
  'w-full min-w-0 rounded-2 border bg-surface text-text placeholder:text-text-3 disabled:bg-sunken disabled:text-text-3 max-sm:min-h-11 max-sm:text-16'

export interface FieldProps {
  label: string
  hint?: ReactNode
  /** What is wrong with it, and what to do. */
  error?: string | undefined
  /** Beside the label, such as a link. */
  aside?: ReactNode
  size?: 'md' | 'lg'
}

type TextFieldProps = FieldProps & Omit<ComponentProps<'input'>, 'size'>

export function TextField({ label, hint, error, aside, size = 'md', className, ...input }: TextFieldProps) {
  const field = useField(error, hint)
  return (
    <FieldFrame {...{ label, hint, error, aside }} {...field} {...(className !== undefined && { className })}>
      <input
        spellCheck={false}
        {...input}
        id={field.id}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={field.describedBy}
        className={cx(INPUT, size === 'lg' ? 'h-10 px-3 text-14' : 'h-8 px-2.5', border(error))}
      />
    </FieldFrame>
  )
}

type SelectFieldProps = FieldProps & Omit<ComponentProps<'select'>, 'size'>

/** The browser's own list: it works everywhere, with every hand. */
export function SelectField({ label, hint, error, aside, size = 'md', className, ...select }: SelectFieldProps) {
  const field = useField(error, hint)
  return (
    <FieldFrame {...{ label, hint, error, aside }} {...field} {...(className !== undefined && { className })}>
      <select
        {...select}
        id={field.id}
        aria-describedby={field.describedBy}
        className={cx(INPUT, size === 'lg' ? 'h-10 px-3 text-14' : 'h-8 px-2', border(error))}
      />
    </FieldFrame>
  )
}

interface CompactSelectProps {
  label: string
  value: string
  options: readonly (readonly [value: string, label: string])[]
  onChange: (value: string) => void
}

/** For bars: its choices say what it is about. */
export const CompactSelect = ({ label, value, options, onChange }: CompactSelectProps) => (
  <label className="contents">
    <span className="sr-only">{label}</span>
    <select
      value={value}
      onChange={({ target }) => onChange(target.value)}
      className={cx(INPUT, 'h-7 w-auto! shrink-0 border-line-control px-2')}
    >
      {options.map(([of, said]) => (
        <option key={of} value={of}>
          {said}
        </option>
      ))}
    </select>
  </label>
)

type TextAreaProps = Omit<FieldProps, 'size'> &
  ComponentProps<'textarea'> & {
    /** What a machine reads: never wrapped, never corrected. */
    code?: boolean
  }

export function TextArea({ label, hint, error, aside, className, code = false, ...area }: TextAreaProps) {
  const field = useField(error, hint)
  return (
    <FieldFrame {...{ label, hint, error, aside }} {...field} {...(className !== undefined && { className })}>
      <textarea
        rows={4}
        {...(code && { spellCheck: false, wrap: 'off' })}
        {...area}
        id={field.id}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={field.describedBy}
        className={cx(INPUT, 'px-2.5 py-1.5', code && 'font-mono text-12 leading-5', border(error))}
      />
    </FieldFrame>
  )
}

const border = (error: string | undefined) => (error === undefined ? 'border-line-control' : 'border-crit-mark')

function useField(error: string | undefined, hint: ReactNode) {
  const id = useId()
  const parts = [error !== undefined && `${id}-error`, hint !== undefined && `${id}-hint`].filter(Boolean)
  return { id, describedBy: parts.length > 0 ? parts.join(' ') : undefined }
}

type FrameProps = Omit<FieldProps, 'size'> & { id: string; children: ReactNode; className?: string }

function FieldFrame({ id, label, hint, error, aside, children, className }: FrameProps) {
  return (
    <div className={cx('flex flex-col gap-1.5', className)}>
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {aside}
      </div>
      {children}
      {error !== undefined && (
        <p id={`${id}-error`} role="alert" className="flex items-start gap-1.5 text-12 text-crit">
          <CircleAlert className="mt-px size-3.5 shrink-0" strokeWidth={1.6} aria-hidden="true" />
          {error}
        </p>
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-12 text-text-3">
          {hint}
        </p>
      )}
    </div>
  )
}
