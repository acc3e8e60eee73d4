import { type Ref, useId } from 'react'
import { CopyButton } from './copy-button.tsx'
import { cx } from './cx.ts'

interface CopyFieldProps {
  label: string
  value: string
  onCopied?: () => void
  ref?: Ref<HTMLInputElement>
}

/** One line to copy: selected whole when it gets the focus. */
export function CopyField({ label, value, onCopied, ref }: CopyFieldProps) {
  const id = useId()
  return (
    <div className="flex h-10 items-stretch rounded-2 border border-line-control bg-sunken focus-within:shadow-(--focus) max-sm:h-11">
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <input
        ref={ref}
        id={id}
        readOnly
        value={value}
        spellCheck={false}
        onFocus={(event) => event.target.select()}
        className="min-w-0 grow bg-transparent px-3 font-mono text-13 text-ellipsis focus-visible:shadow-none"
      />
      <CopyButton
        text={value}
        {...(onCopied && { onCopied })}
        className="h-full! min-h-0! rounded-l-none! border-y-0! border-r-0! border-line-control!"
      />
    </div>
  )
}

/** Several lines, as they are typed into a terminal or a file. */
interface CodeBlockProps {
  code: string
  what: string
  /** Lines stay whole, and a long text scrolls. */
  whole?: boolean
  onCopied?: () => void
}

export function CodeBlock({ code, what, whole = false, onCopied }: CodeBlockProps) {
  return (
    <div className="relative rounded-2 border border-line bg-sunken">
      <pre
        className={cx(
          'overflow-auto p-3 pr-24 font-mono text-12 leading-5',
          whole ? 'max-h-120 whitespace-pre' : 'whitespace-pre-wrap wrap-anywhere',
        )}
        tabIndex={0}
        aria-label={what}
      >
        {code}
      </pre>
      <CopyButton text={code} what={what} {...(onCopied && { onCopied })} className="absolute! top-1.5 right-1.5" />
    </div>
  )
}
