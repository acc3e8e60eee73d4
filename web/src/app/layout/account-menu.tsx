import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Ellipsis, LogOut, Monitor, Moon, Sun, UserRound } from 'lucide-react'
import { Avatar } from '../../ui/avatar.tsx'
import { cx } from '../../ui/cx.ts'
import { Menu, MenuChoices, MenuItem, MenuLine } from '../../ui/menu.tsx'
import { useSession } from '../session.ts'
import { signOut } from '../sign-out.ts'
import { setTheme, type Theme, useTheme } from '../theme.ts'

const THEMES = [
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
  { value: 'system', label: 'As the system', icon: Monitor },
] as const

export function AccountMenu({ full }: { full: boolean }) {
  const { user } = useSession()
  const theme = useTheme()
  const queries = useQueryClient()
  const navigate = useNavigate()
  return (
    <Menu
      align="start"
      side="top"
      className="w-52"
      trigger={
        <button
          type="button"
          className={cx(
            'flex h-8 shrink-0 items-center gap-2.5 rounded-2 px-2 font-medium text-text-2 hover:bg-hover max-sm:h-11',
            !full && 'max-lg:justify-center',
          )}
        >
          <Avatar name={user.name} />
          <span className="sr-only">Account of</span>
          <span className={cx('min-w-0 grow truncate text-left', !full && 'max-lg:sr-only')}>{user.name}</span>
          <Ellipsis
            className={cx('size-3.5 text-text-3', !full && 'max-lg:hidden')}
            strokeWidth={1.6}
            aria-hidden="true"
          />
        </button>
      }
    >
      <div className="px-2 py-1.5">
        <div className="truncate font-medium">{user.name}</div>
        {user.email !== user.name && <div className="truncate text-12 text-text-3">{user.email}</div>}
      </div>
      <MenuLine />
      <MenuChoices label="Theme" value={theme} choices={THEMES} onChange={(value) => setTheme(value as Theme)} />
      <MenuLine />
      <MenuItem icon={UserRound} onSelect={() => void navigate({ to: '/account' })}>
        My account
      </MenuItem>
      <MenuItem icon={LogOut} onSelect={() => void signOut(queries)}>
        Sign out
      </MenuItem>
    </Menu>
  )
}
