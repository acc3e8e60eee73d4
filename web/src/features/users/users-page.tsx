import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Bot, Ellipsis, KeyRound, ListFilter, Monitor, UserCheck, UserCog, UserPlus, UserX, Users } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Avatar } from '../../ui/avatar.tsx'
import { Button, buttonClass } from '../../ui/button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { Menu, MenuItem, MenuLine } from '../../ui/menu.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Tag } from '../../ui/tag.tsx'
import { When } from '../../ui/when.tsx'
import { ChangeRoles, CreateServiceUser, DisableUser, MakeResetLink } from './user-dialogs.tsx'
import { UserSessions } from './user-sessions.tsx'
import { type Role, roles, type User, type UserPage, users, useSetDisabled } from './users.ts'

type Open = { what: 'roles' | 'disable' | 'reset' | 'sessions'; user: User } | { what: 'service' }
type Kind = 'all' | 'person' | 'service'

export function UsersPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const [kind, setKind] = useState<Kind>('all')
  const [text, setText] = useState('')
  const [open, setOpen] = useState<Open | null>(null)
  const { data: known } = useQuery(roles)
  const list = useToolList(
    users({
      ...(organization && { organization: organization.id }),
      ...(kind !== 'all' && { kind }),
      ...(text.trim() !== '' && { text: text.trim() }),
    }),
    (page: UserPage) => page.users,
  )
  const off = withheld(session, 'users.write')
  const enable = useSetDisabled()
  const narrowed = kind !== 'all' || text.trim() !== ''
  return (
    <SettingsPage
      title="Users & roles"
      actions={
        <Link to="/settings/invitations" className={buttonClass({ variant: 'primary', size: 'sm' })}>
          <UserPlus className="size-4" strokeWidth={1.6} aria-hidden="true" />
          Invite…
        </Link>
      }
      toolbar={
        <>
          <SearchField label="Find users" placeholder="Name or email" value={text} onChange={setText} />
          <Segmented
            label="Kind"
            value={kind}
            options={[
              { value: 'all', label: 'All' },
              { value: 'person', label: 'People' },
              { value: 'service', label: 'Services' },
            ]}
            onChange={setKind}
          />
          <span className="grow" />
          <Button size="sm" disabled={off} onClick={() => setOpen({ what: 'service' })}>
            <Bot className="size-4" strokeWidth={1.6} aria-hidden="true" />
            New service user
          </Button>
        </>
      }
      foot={<ListCount list={list} one="user" many="users" />}
    >
      <ToolTable
        caption="Users"
        columns={columns(known, session.user.id, off !== false, (what, user) =>
          what === 'enable' ? enable.run({ user: user.id, action: 'enable' }) : setOpen({ what, user }),
        )}
        list={list}
        rowKey={(user) => user.id}
        height="two"
        gone={(user) => user.disabled}
        empty={
          narrowed ? (
            <StateView
              icon={ListFilter}
              title="No user matches"
              actions={
                <Button
                  onClick={() => {
                    setText('')
                    setKind('all')
                  }}
                >
                  Clear filters
                </Button>
              }
            />
          ) : (
            <StateView icon={Users} title="No users here yet">
              Invite somebody, and they appear here once they accept.
            </StateView>
          )
        }
      />
      {open?.what === 'roles' && <ChangeRoles user={open.user} onClose={() => setOpen(null)} />}
      {open?.what === 'disable' && <DisableUser user={open.user} onClose={() => setOpen(null)} />}
      {open?.what === 'reset' && <MakeResetLink user={open.user} onClose={() => setOpen(null)} />}
      {open?.what === 'sessions' && <UserSessions user={open.user} off={off} onClose={() => setOpen(null)} />}
      {open?.what === 'service' && <CreateServiceUser onClose={() => setOpen(null)} />}
    </SettingsPage>
  )
}

type Act = 'roles' | 'disable' | 'enable' | 'reset' | 'sessions'

const columns = (
  known: readonly Role[] | undefined,
  self: string,
  off: boolean,
  onAct: (what: Act, user: User) => void,
): readonly Column<User>[] => [
  {
    id: 'name',
    head: 'Name',
    cell: (user) => (
      <span className="flex min-w-0 items-center gap-3">
        <Avatar name={user.name} />
        <span className="flex min-w-0 flex-col">
          <span className="flex items-center gap-2">
            <b className="truncate font-medium">{user.name}</b>
            {user.id === self && <Tag>you</Tag>}
            {user.kind === 'service' && <Tag>service</Tag>}
            {user.disabled && <Tag tone="crit">disabled</Tag>}
          </span>
          <span className="truncate text-12 font-regular text-text-3">
            {user.email ?? `owned by ${user.owner?.name ?? 'somebody out of your reach'}`}
          </span>
        </span>
      </span>
    ),
  },
  {
    id: 'roles',
    head: 'Roles',
    width: '40%',
    phone: false,
    cell: (user) => <span title={rolesOf(user, known)}>{rolesOf(user, known)}</span>,
  },
  {
    id: 'created',
    head: 'Added',
    width: '96px',
    phone: false,
    cell: (user) => <When at={user.created_at} />,
  },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '56px',
    align: 'right',
    cell: (user) => <UserMenu user={user} off={off} self={user.id === self} onAct={(what) => onAct(what, user)} />,
  },
]

const UserMenu = (props: { user: User; off: boolean; self: boolean; onAct: (what: Act) => void }) => {
  const { user, off, self, onAct } = props
  return (
    <Menu
      trigger={
        <Button variant="ghost" size="sm" icon aria-label={`Actions for ${user.name}`}>
          <Ellipsis className="size-4" strokeWidth={1.6} />
        </Button>
      }
    >
      <MenuItem
        icon={UserCog}
        disabled={off || self}
        {...(self && { aside: 'by another admin' })}
        onSelect={() => onAct('roles')}
      >
        Change role…
      </MenuItem>
      {user.kind === 'person' && (
        <MenuItem icon={KeyRound} disabled={off} onSelect={() => onAct('reset')}>
          Make a reset link…
        </MenuItem>
      )}
      {user.kind === 'person' && (
        <MenuItem icon={Monitor} onSelect={() => onAct('sessions')}>
          Sessions…
        </MenuItem>
      )}
      <MenuLine />
      {user.disabled ? (
        <MenuItem icon={UserCheck} disabled={off || self} onSelect={() => onAct('enable')}>
          Enable
        </MenuItem>
      ) : (
        <MenuItem icon={UserX} danger disabled={off || self} onSelect={() => onAct('disable')}>
          Disable…
        </MenuItem>
      )}
    </Menu>
  )
}

function rolesOf(user: User, known: readonly Role[] | undefined): string {
  if (user.roles.length === 0) return 'none'
  return user.roles
    .map(({ role, organization, sites }) => {
      const name = known?.find((one) => one.id === role)?.name ?? role
      const where = organization === null ? '' : ` at ${organization.name ?? 'an organization out of your reach'}`
      return `${name}${where}${sites === null ? '' : ` (${sites.length} site${sites.length === 1 ? '' : 's'})`}`
    })
    .join(', ')
}
