import { Link, useLocation } from '@tanstack/react-router'
import { Settings } from 'lucide-react'
import { AlertCount } from '../../features/alerts/alert-count.tsx'
import { cx } from '../../ui/cx.ts'
import { DESTINATIONS, type Destination, reachable, SETTINGS } from '../destinations.ts'
import { useSession } from '../session.ts'
import { AccountMenu } from './account-menu.tsx'
import { OrganizationSwitcher } from './organization-switcher.tsx'

interface NavigationProps {
  /** Words beside the icons at every width: the phone's menu. */
  full?: boolean
  onNavigate?: () => void
}

/** The rail: 224 wide, or icons only where the window is narrow. */
export function Navigation({ full = false, onNavigate }: NavigationProps) {
  const session = useSession()
  const all = SETTINGS.flatMap(({ pages }) => reachable(pages, session))
  const [first] = all
  const settings = first && { ...first, label: 'Settings', icon: Settings }
  return (
    <div className="flex h-full min-h-0 flex-col gap-0.5 overflow-y-auto p-2">
      <OrganizationSwitcher full={full} />
      <nav aria-label="Main" className="flex grow flex-col gap-0.5">
        {reachable(DESTINATIONS, session).map((page) => (
          <Place key={page.path} page={page} full={full} onNavigate={onNavigate} />
        ))}
        {settings && (
          <div className="mt-auto">
            <Place page={settings} full={full} onNavigate={onNavigate} among={all.map(({ path }) => path)} />
          </div>
        )}
      </nav>
      <AccountMenu full={full} />
    </div>
  )
}

interface PlaceProps {
  page: Destination
  full: boolean
  onNavigate: (() => void) | undefined
  /** The addresses at which it is current. */
  among?: readonly string[]
}

function Place({ page, full, onNavigate, among = [page.path] }: PlaceProps) {
  const here = useLocation({
    select: ({ pathname }) => among.some((path) => pathname === path || pathname.startsWith(`${path}/`)),
  })
  const Icon = page.icon
  return (
    <Link
      to={page.path}
      onClick={onNavigate}
      aria-current={here ? 'page' : undefined}
      title={page.label}
      className={cx(
        'group relative flex h-7 items-center gap-2.5 rounded-2 px-2 font-medium text-text-2 hover:bg-hover aria-[current]:bg-active aria-[current]:text-text max-sm:h-11',
        !full && 'max-lg:h-9 max-lg:justify-center',
      )}
    >
      {Icon && (
        <Icon
          className="size-4 shrink-0 text-text-3 group-aria-[current]:text-accent-text"
          strokeWidth={1.6}
          aria-hidden="true"
        />
      )}
      <span className={cx(!full && 'max-lg:sr-only')}>{page.label}</span>
      {page.count === 'alerts' && <AlertCount />}
    </Link>
  )
}
