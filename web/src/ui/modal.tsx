import { type ReactNode, useEffect, useRef, useState } from 'react'
import { cx } from './cx.ts'
import { LayerContext } from './layer.ts'

/** Where the focus goes: what is marked, the first field, else the first act, which is the way out. */
const FIRST = ['[data-first]', 'input:not([type=hidden]), select, textarea', 'footer button', 'button, a']

function firstOf(element: HTMLElement): HTMLElement | null {
  for (const selector of FIRST) {
    const found = element.querySelector<HTMLElement>(selector)
    if (found) return found
  }
  return null
}

/** What opened it. An item of a menu is gone by the end: the menu's own button stands for it. */
function openerNow(): HTMLElement | null {
  const at = document.activeElement
  const menu = at?.closest('[role=menu]')?.getAttribute('aria-labelledby')
  const opener = menu ? document.getElementById(menu) : at
  return opener instanceof HTMLElement && opener !== document.body ? opener : null
}

interface ModalProps {
  open: boolean
  /** Escape and a press beside it. Without it, only its own controls close it. */
  onClose?: (() => void) | undefined
  className: string
  children: ReactNode
  labelledBy?: string
  label?: string
}

/**
 * The browser's own dialog: it traps the focus and makes the rest inert without a style of its own, which the pages' policy
 * would refuse.
 */
export function Modal({ open, onClose, className, children, labelledBy, label }: ModalProps) {
  const [element, setElement] = useState<HTMLDialogElement | null>(null)
  const pressedOutside = useRef(false)
  useEffect(() => {
    if (!element || !open) return
    const opener = openerNow()
    if (!element.open) element.showModal()
    firstOf(element)?.focus()
    // The element goes without being closed, and the browser then forgets where the focus was.
    return () => {
      if (opener?.isConnected) opener.focus()
    }
  }, [element, open])
  if (!open) return null
  const outside = (event: React.MouseEvent) => event.target === element
  return (
    <dialog
      ref={setElement}
      aria-labelledby={labelledBy}
      aria-label={label}
      className={cx('modal', className)}
      onCancel={(event) => {
        event.preventDefault()
        onClose?.()
      }}
      // Chromium closes at a second Escape whatever the first one was told.
      onClose={() => (onClose ? onClose() : element?.showModal())}
      onMouseDown={(event) => (pressedOutside.current = outside(event))}
      onClick={(event) => {
        if (pressedOutside.current && outside(event)) onClose?.()
      }}
    >
      <LayerContext value={element}>{element && children}</LayerContext>
    </dialog>
  )
}
