import { Popover as Base } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { useLayer } from './layer.ts'

interface PopoverProps {
  open?: boolean
  onOpenChange?: (open: boolean) => void
  /** One button. */
  trigger: ReactNode
  label: string
  align?: 'start' | 'center' | 'end'
  className?: string
  children: ReactNode
}

/** Not modal, so that nothing injects a style; Escape and a press beside it close it, and the focus returns. */
export function Popover({ open, onOpenChange, trigger, label, align = 'end', className, children }: PopoverProps) {
  const layer = useLayer()
  return (
    <Base.Root {...(open !== undefined && { open })} {...(onOpenChange && { onOpenChange })}>
      <Base.Trigger asChild>{trigger}</Base.Trigger>
      <Base.Portal container={layer}>
        <Base.Content
          aria-label={label}
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className={cx('float z-40 rounded-3 border border-line-strong bg-raised shadow-2', className ?? 'w-90 p-4')}
        >
          {children}
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  )
}

export const PopoverClose = ({ children }: { children: ReactNode }) => <Base.Close asChild>{children}</Base.Close>
