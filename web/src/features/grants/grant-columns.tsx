import { Ellipsis, ListX } from 'lucide-react'
import { Avatar } from '../../ui/avatar.tsx'
import { Button } from '../../ui/button.tsx'
import { clientLabel } from '../../ui/client-label.ts'
import { ClientOrigin, ClientTile } from '../../ui/client-tile.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { Menu, MenuItem } from '../../ui/menu.tsx'
import { Scopes } from '../../ui/scope.tsx'
import { Tag } from '../../ui/tag.tsx'
import { When } from '../../ui/when.tsx'
import { type Grant, isOutgrown } from './grants.ts'
import { Revoke } from './revoke.tsx'

export interface GrantActs {
  off: string | false
  mayBlock: boolean
  /** How long ago, in milliseconds, what was revoked on this page took. */
  cut: ReadonlyMap<string, number>
  onRevoked: (grant: Grant, tookMs: number) => void
  onAll?: (grant: Grant) => void
  /** Those that live, the newest first. */
  living: readonly Grant[]
}

export const isOver = (grant: Grant, cut: GrantActs['cut']): boolean => grant.state !== 'active' || cut.has(grant.id)

export const grantColumns = (acts: GrantActs): readonly Column<Grant>[] => [
  { id: 'client', head: 'Client', cell: (grant) => <ClientCell grant={grant} acts={acts} /> },
  {
    id: 'user',
    head: 'Granted by',
    width: '112px',
    phone: false,
    cell: ({ user }) => (
      <span className="flex items-center gap-2" title={user.name ?? undefined}>
        <Avatar name={user.name ?? '?'} />
        <span className="truncate">{user.name ?? 'out of your reach'}</span>
      </span>
    ),
  },
  {
    id: 'organizations',
    head: 'Organizations',
    width: '108px',
    phone: false,
    cell: ({ organizations }) => {
      const names = organizations?.map(({ name }) => name ?? 'out of your reach').join(', ') ?? 'All'
      return <span title={names}>{names}</span>
    },
  },
  {
    id: 'scopes',
    head: 'Scopes',
    width: '176px',
    phone: false,
    cell: ({ scopes }) => <Scopes scopes={scopes} />,
  },
  {
    id: 'authorized',
    head: 'Authorized',
    width: '92px',
    phone: false,
    cell: (grant) => <When at={grant.last_authorized_at} />,
  },
  { id: 'used', head: 'Last used', width: '92px', phone: false, cell: (grant) => <When at={grant.last_used_at} /> },
  {
    id: 'sessions',
    head: 'Sessions',
    width: '76px',
    align: 'right',
    phone: false,
    cell: ({ active_sessions: sessions }) => <span className="tabular-nums">{sessions}</span>,
  },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '132px',
    align: 'right',
    cell: (grant) => <ActsCell grant={grant} acts={acts} />,
  },
]

function ClientCell({ grant, acts }: { grant: Grant; acts: GrantActs }) {
  const over = isOver(grant, acts.cut)
  return (
    <span className="flex min-w-0 items-center gap-3">
      <ClientTile name={grant.client.name} />
      <span className="flex min-w-0 flex-col">
        <span className="flex min-w-0 items-center gap-2">
          <b className={over ? 'truncate font-medium line-through' : 'truncate font-medium'} title={grant.client.name}>
            {clientLabel(grant.client)}
          </b>
          {!over && isOutgrown(grant, acts.living) && (
            <span title="A newer consent of this client holds all of this and more. This one may be another device’s.">
              <Tag>older</Tag>
            </span>
          )}
        </span>
        {over ? (
          <span className="text-12 font-regular">{ended(grant)}</span>
        ) : (
          <span className="font-regular">
            <ClientOrigin {...grant.client} host={grant.client.host ?? grant.redirect_host} />
          </span>
        )}
      </span>
    </span>
  )
}

const REASONS: Readonly<Record<string, string>> = {
  user: 'Revoked by its user',
  administrator: 'Revoked by an administrator',
  client: 'Ended by the client itself',
  reuse: 'Revoked: a refresh token was used twice',
  blocked: 'Revoked: the client is blocked',
}

const ended = ({ state, revoked_reason: reason }: Grant): string =>
  state === 'expired' ? 'Ended after 180 days or without use' : (REASONS[reason ?? ''] ?? 'Revoked')

function ActsCell({ grant, acts }: { grant: Grant; acts: GrantActs }) {
  const took = acts.cut.get(grant.id)
  if (took !== undefined) return <span className="text-12">cut in {(took / 1000).toFixed(1)} s</span>
  if (grant.state !== 'active') return grant.revoked_at && <When at={grant.revoked_at} />
  const { onAll } = acts
  return (
    <span className="inline-flex items-center gap-1">
      <Revoke grant={grant} off={acts.off} mayBlock={acts.mayBlock} onRevoked={acts.onRevoked} />
      {onAll && (
        <Menu
          trigger={
            <Button variant="ghost" size="sm" icon aria-label={`More for ${clientLabel(grant.client)}`}>
              <Ellipsis className="size-4" strokeWidth={1.6} />
            </Button>
          }
        >
          <MenuItem icon={ListX} danger disabled={acts.off !== false} onSelect={() => onAll(grant)}>
            Revoke all of this client…
          </MenuItem>
        </Menu>
      )}
    </span>
  )
}
