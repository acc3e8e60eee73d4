import { type ComponentProps, type ReactNode, useId } from 'react'
import { cx } from './cx.ts'

type ChoiceProps = Omit<ComponentProps<'input'>, 'type' | 'children'> & {
  label: ReactNode
  hint?: ReactNode
  /** At the far end of the row, such as a count. */
  aside?: ReactNode
}

export const Checkbox = (props: ChoiceProps) => <Choice {...props} type="checkbox" />
export const Radio = (props: ChoiceProps) => <Choice {...props} type="radio" />

function Choice({ label, hint, aside, className, type, ...input }: ChoiceProps & { type: 'checkbox' | 'radio' }) {
  const id = useId()
  return (
    <div className={cx('flex min-h-6 items-start gap-2.5 max-sm:min-h-11 max-sm:items-center', className)}>
      <input
        {...input}
        id={id}
        type={type}
        className={cx('choice mt-0.5 max-sm:mt-0', type === 'radio' ? 'choice-radio' : 'choice-box')}
        aria-describedby={hint === undefined ? input['aria-describedby'] : `${id}-hint`}
      />
      <div className="min-w-0 grow">
        <label htmlFor={id} className={cx('block', input.disabled && 'text-text-3')}>
          {label}
        </label>
        {hint !== undefined && (
          <p id={`${id}-hint`} className="text-12 text-text-3">
            {hint}
          </p>
        )}
      </div>
      {aside}
    </div>
  )
}
