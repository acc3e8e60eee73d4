import type { LucideIcon } from 'lucide-react'
import { DropdownMenu as Base } from 'radix-ui'
import type { ReactNode } from 'react'
import { cx } from './cx.ts'
import { useLayer } from './layer.ts'

interface MenuProps {
  /** One button. */
  trigger: ReactNode
  align?: 'start' | 'end'
  side?: 'top' | 'bottom'
  className?: string
  children: ReactNode
}

export function Menu({ trigger, align = 'end', side = 'bottom', className, children }: MenuProps) {
  const layer = useLayer()
  return (
    <Base.Root modal={false}>
      <Base.Trigger asChild>{trigger}</Base.Trigger>
      <Base.Portal container={layer}>
        <Base.Content
          align={align}
          side={side}
          sideOffset={4}
          collisionPadding={8}
          className={cx(
            'float z-40 min-w-45 rounded-3 border border-line-strong bg-raised p-1 shadow-2 outline-none',
            className,
          )}
        >
          {children}
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  )
}

interface MenuItemProps {
  icon?: LucideIcon
  onSelect: () => void
  disabled?: boolean
  danger?: boolean
  /** At the far end: a key, a tier, a reason. */
  aside?: ReactNode
  children: ReactNode
}

const ITEM =
  'flex h-8 cursor-pointer items-center gap-2.5 rounded-2 px-2 font-medium outline-none data-highlighted:bg-active data-disabled:cursor-not-allowed data-disabled:text-text-3 max-sm:h-11'

export function MenuItem({ icon: Icon, onSelect, disabled = false, danger, aside, children }: MenuItemProps) {
  return (
    <Base.Item disabled={disabled} onSelect={onSelect} className={cx(ITEM, danger ? 'text-crit' : 'text-text')}>
      {Icon && <Icon className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />}
      <span className="grow">{children}</span>
      {aside !== undefined && <span className="text-12 font-regular text-text-3">{aside}</span>}
    </Base.Item>
  )
}

export function MenuChoices(props: {
  label: string
  value: string
  choices: readonly { value: string; label: string; icon?: LucideIcon }[]
  onChange: (value: string) => void
}) {
  return (
    <Base.RadioGroup value={props.value} onValueChange={props.onChange}>
      <Base.Label className="px-2 pt-2 pb-1 text-11 font-medium text-text-3">{props.label}</Base.Label>
      {props.choices.map(({ value, label, icon: Icon }) => (
        <Base.RadioItem
          key={value}
          value={value}
          className={cx(ITEM, 'text-text data-[state=checked]:text-accent-text')}
        >
          {Icon && <Icon className="size-4 shrink-0" strokeWidth={1.6} aria-hidden="true" />}
          <span className="grow">{label}</span>
          <Base.ItemIndicator aria-hidden="true">✓</Base.ItemIndicator>
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  )
}

export const MenuLine = () => <Base.Separator className="-mx-1 my-1 h-px bg-line" />
