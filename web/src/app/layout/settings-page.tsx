import { Link } from '@tanstack/react-router'
import { useEffect, useId, useRef } from 'react'
import { reachable, SETTINGS } from '../destinations.ts'
import { useSession } from '../session.ts'
import { Foot, Page, type PageProps, Toolbar } from './page.tsx'

interface SettingsPageProps extends Omit<PageProps, 'crumbs'> {
  /** Prose and forms, at most 904 wide and scrolled as a whole; without it, the page lays itself out: a table. */
  prose?: boolean
}

/** A page of the settings: their own navigation of 200 beside it. */
export function SettingsPage({ prose = false, toolbar, foot, children, ...page }: SettingsPageProps) {
  return (
    <Page {...page} crumbs={[{ label: 'Settings' }]}>
      <div className="grid min-h-0 grow grid-cols-[minmax(0,1fr)] grid-rows-[minmax(0,1fr)] lg:grid-cols-[200px_minmax(0,1fr)] max-lg:grid-rows-[auto_minmax(0,1fr)]">
        <SettingsNavigation />
        {prose ? (
          <div className="min-h-0 overflow-auto border-line lg:border-l">
            <div className="max-w-238 p-4 sm:px-8 sm:py-6">{children}</div>
          </div>
        ) : (
          <div className="relative flex min-h-0 min-w-0 flex-col border-line lg:border-l">
            <Toolbar>{toolbar}</Toolbar>
            <div className="flex min-h-0 grow flex-col">{children}</div>
            <Foot>{foot}</Foot>
          </div>
        )}
      </div>
    </Page>
  )
}

function SettingsNavigation() {
  const session = useSession()
  const id = useId()
  const navigation = useRef<HTMLElement>(null)
  useEffect(() => {
    // In one row it is longer than a phone is wide.
    navigation.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [])
  return (
    <nav
      ref={navigation}
      aria-label="Settings"
      className="flex min-h-0 gap-1 overflow-auto p-2 max-lg:border-b max-lg:border-line lg:flex-col lg:gap-0 lg:px-3 lg:py-4"
    >
      {SETTINGS.map(({ label, pages }, index) => {
        const shown = reachable(pages, session)
        return (
          shown.length > 0 && (
            <div key={label} className="contents lg:mb-4 lg:block">
              <h2 id={`${id}-${index}`} className="mx-2 mb-1 text-11 font-medium text-text-3 max-lg:hidden">
                {label}
              </h2>
              <ul aria-labelledby={`${id}-${index}`} className="contents lg:block">
                {shown.map((page) => (
                  <li key={page.path}>
                    <Link
                      to={page.path}
                      activeProps={{ 'aria-current': 'page' }}
                      className="flex h-7 items-center rounded-2 px-2 font-medium whitespace-nowrap text-text-2 hover:bg-hover aria-[current]:bg-accent-soft aria-[current]:text-accent-text max-sm:h-11"
                    >
                      {page.label}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          )
        )
      })}
    </nav>
  )
}
