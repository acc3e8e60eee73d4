import type { ReactNode } from 'react'

export const Kbd = ({ children }: { children: ReactNode }) => (
  <kbd className="inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-1 border border-line-strong bg-surface px-1 font-sans text-11 leading-none font-medium text-text-2">
    {children}
  </kbd>
)

/** What the machine calls its command key. */
export const COMMAND_KEY = /mac|iphone|ipad/i.test(navigator.userAgent) ? '⌘' : 'Ctrl'
