import { X } from 'lucide-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { Button } from './button.tsx'

interface DrawerProps {
  title: ReactNode
  label: string
  onClose: () => void
  actions?: ReactNode
  children: ReactNode
}

/** Over the right of the table that it explains; the table stays in reach. It takes the focus and gives it back. */
export function Drawer({ title, label, onClose, actions, children }: DrawerProps) {
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    const before = document.activeElement
    panel.current?.focus()
    return () => {
      if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus()
      else document.getElementById('main')?.focus()
    }
  }, [])
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={label}
      onKeyDown={(event) => {
        // A dialog that was opened from here closes first, and alone.
        const within = event.target instanceof Element && event.target.closest('dialog')
        if (event.key === 'Escape' && !event.defaultPrevented && !within) onClose()
      }}
      className="drawer absolute inset-y-0 right-0 z-30 flex w-[480px] max-w-full flex-col border-l border-line-strong bg-raised shadow-3 focus-visible:shadow-3 max-sm:fixed max-sm:z-40 max-sm:w-full max-sm:border-l-0"
    >
      <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line pr-3 pl-5">
        <div className="min-w-0 grow">{title}</div>
        {actions}
        <Button variant="ghost" size="sm" icon aria-label="Close" onClick={onClose}>
          <X className="size-4" strokeWidth={1.6} />
        </Button>
      </header>
      <div className="min-h-0 grow overflow-auto" tabIndex={0} role="region" aria-label={`${label}, details`}>
        {children}
      </div>
    </aside>
  )
}
