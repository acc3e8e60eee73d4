import { Check, CircleAlert, Hourglass, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Button } from './button.tsx'
import { cx } from './cx.ts'
import { dismiss, type Toast, useToasts } from './toasts.ts'

const SHOWN_MS = 6000
const LOOKS = {
  done: { Icon: Check, colour: 'text-ok' },
  waiting: { Icon: Hourglass, colour: 'text-text-2' },
  error: { Icon: CircleAlert, colour: 'text-crit' },
}

export function Toaster() {
  const toasts = useToasts()
  const region = useRef<HTMLDivElement>(null)
  const count = toasts.length
  // The newest layer is the top one: shown again, the toasts come over a dialog that opened meanwhile.
  useEffect(() => {
    const element = region.current
    if (!element) return
    if (element.matches(':popover-open')) element.hidePopover()
    if (count > 0) element.showPopover()
  }, [count])
  return (
    <div ref={region} popover="manual" role="status" className="toaster">
      {toasts.map((shown) => (
        <Shown key={shown.id} toast={shown} />
      ))}
    </div>
  )
}

function Shown({ toast }: { toast: Toast }) {
  const [held, setHeld] = useState(false)
  const { id, tone, title, detail, action } = toast
  useEffect(() => {
    if (held || tone === 'error') return undefined
    const timer = setTimeout(() => dismiss(id), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [held, id, tone])
  const { Icon, colour } = LOOKS[tone]
  const hold = () => setHeld(true)
  const release = () => setHeld(false)
  return (
    <div
      onMouseEnter={hold}
      onMouseLeave={release}
      onFocus={hold}
      onBlur={release}
      className="float flex w-90 max-w-[calc(100vw-2rem)] items-start gap-2.5 rounded-3 border border-line-strong bg-raised p-3 shadow-2"
    >
      <Icon className={cx('mt-0.5 size-4 shrink-0', colour)} strokeWidth={1.6} aria-hidden="true" />
      <div className="min-w-0 grow">
        <b className="font-medium">{title}</b>
        {detail !== undefined && <div className="text-12 text-text-3 wrap-anywhere">{detail}</div>}
      </div>
      {action && (
        <button type="button" className="link" onClick={action.onClick}>
          {action.label}
        </button>
      )}
      <Button variant="ghost" size="sm" icon aria-label="Dismiss" onClick={() => dismiss(id)} className="-my-1 -mr-1">
        <X className="size-3.5" strokeWidth={1.6} />
      </Button>
    </div>
  )
}
