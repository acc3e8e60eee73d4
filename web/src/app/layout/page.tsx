import { Link } from '@tanstack/react-router'
import { Menu, Search } from 'lucide-react'
import { type ReactNode, useEffect } from 'react'
import { Button } from '../../ui/button.tsx'
import { COMMAND_KEY, Kbd } from '../../ui/kbd.tsx'
import { useNavigation } from './navigation-context.ts'

export interface PageProps {
  title: string
  crumbs?: readonly { label: string; path?: string }[]
  /** In the bar, the one primary act last. */
  actions?: ReactNode
  /** A row of 44 below the bar: filters, views. */
  toolbar?: ReactNode
  /** A row of 36 at the end. */
  foot?: ReactNode
  children: ReactNode
}

/** One page: its bar, its body, its foot. */
export function Page({ title, crumbs = [], actions, toolbar, foot, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Breeze`
  }, [title])
  const { openMenu, openPalette } = useNavigation()
  return (
    <div className="flex min-h-0 min-w-0 flex-col bg-surface sm:border-l sm:border-line">
      <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line pr-4 pl-4 sm:pl-6">
        <Button variant="ghost" icon size="sm" aria-label="Menu" onClick={openMenu} className="-ml-3 sm:hidden!">
          <Menu className="size-4" strokeWidth={1.6} />
        </Button>
        <h1 className="truncate text-14 font-semi">
          {crumbs.map(({ label, path }) => (
            <span key={label} className="font-medium text-text-3 max-sm:sr-only">
              {path === undefined ? label : <Link to={path}>{label}</Link>} /{' '}
            </span>
          ))}
          {title}
        </h1>
        <span className="grow" />
        <button
          type="button"
          onClick={openPalette}
          aria-keyshortcuts="Control+K Meta+K"
          className="flex h-7 w-66 items-center gap-2 rounded-2 border border-line bg-sunken pr-1.5 pl-2 text-text-3 hover:border-line-strong max-lg:w-auto max-sm:size-11 max-sm:justify-center max-sm:border-transparent max-sm:bg-transparent"
        >
          <Search className="size-3.5" strokeWidth={1.6} aria-hidden="true" />
          <span className="grow text-left max-lg:sr-only">Search or run</span>
          <span className="max-sm:hidden" aria-hidden="true">
            <Kbd>{COMMAND_KEY} K</Kbd>
          </span>
        </button>
        {actions}
      </header>
      <main id="main" tabIndex={-1} className="flex min-h-0 grow flex-col focus-visible:shadow-none">
        <Toolbar>{toolbar}</Toolbar>
        <div className="relative flex min-h-0 grow flex-col">{children}</div>
        <Foot>{foot}</Foot>
      </main>
    </div>
  )
}

export const Toolbar = ({ children }: { children?: ReactNode }) =>
  children === undefined ? null : (
    <div className="flex min-h-11 shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 sm:pl-6">
      {children}
    </div>
  )

export const Foot = ({ children }: { children?: ReactNode }) =>
  children === undefined ? null : (
    <footer className="flex h-9 shrink-0 items-center gap-3 border-t border-line px-4 text-12 text-text-3 tabular-nums sm:pl-6">
      {children}
    </footer>
  )
