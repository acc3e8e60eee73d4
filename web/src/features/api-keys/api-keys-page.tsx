import { Ellipsis, KeyRound, Pencil, Plus, RotateCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { Menu, MenuItem, MenuLine } from '../../ui/menu.tsx'
import { Scopes } from '../../ui/scope.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Tag } from '../../ui/tag.tsx'
import { When } from '../../ui/when.tsx'
import { type ApiKey, apiKeys, type KeyPage, type MadeKey } from './api-keys.ts'
import { CreateKey } from './create-key.tsx'
import { DeleteKey } from './delete-key.tsx'
import { EditKey } from './edit-key.tsx'
import { RevealKey } from './reveal-key.tsx'
import { RotateKey } from './rotate-key.tsx'

type Open =
  | { what: 'create' }
  | { what: 'edit' | 'rotate' | 'delete'; apiKey: ApiKey }
  | { what: 'made'; made: MadeKey }

export function ApiKeysPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const list = useToolList(
    apiKeys(organization ? { organization: organization.id } : {}),
    (page: KeyPage) => page.api_keys,
  )
  const [open, setOpen] = useState<Open | null>(null)
  const off = withheld(session, 'keys.write') || withheld(session, 'mcp.write')
  const create = (
    <Button variant="primary" size="sm" disabled={off} onClick={() => setOpen({ what: 'create' })}>
      <Plus className="size-4" strokeWidth={1.6} aria-hidden="true" />
      Create New Key
    </Button>
  )
  return (
    <SettingsPage
      title="API Keys"
      actions={create}
      foot={
        <>
          <ListCount list={list} one="key" many="keys" />
          <span className="grow" />
          <span className="max-sm:hidden">Deleting a key ends it with the next request</span>
        </>
      }
    >
      <p className="max-w-226 px-4 py-4 text-text-2 sm:px-6">
        A key acts as the person who made it and never beyond the scopes on it. People should connect with OAuth; keys
        are for scripts, terminals and clients without a sign-in.
        {off !== false && ` ${off}`}
      </p>
      <ToolTable
        caption="API keys"
        columns={columns((what, apiKey) => setOpen({ what, apiKey }), withheld(session, 'keys.write') !== false)}
        list={list}
        rowKey={(key) => key.id}
        height="two"
        empty={
          <StateView icon={KeyRound} title="No API keys yet" actions={create}>
            A key lets a script or a terminal client in without a sign-in.
          </StateView>
        }
      />
      <Dialogs open={open} onOpen={setOpen} />
    </SettingsPage>
  )
}

function Dialogs({ open, onOpen }: { open: Open | null; onOpen: (open: Open | null) => void }) {
  const close = () => onOpen(null)
  const made = (one: MadeKey) => onOpen({ what: 'made', made: one })
  if (open?.what === 'create') return <CreateKey onClose={close} onMade={made} />
  if (open?.what === 'made') return <RevealKey made={open.made} onDone={close} />
  if (open?.what === 'edit') return <EditKey apiKey={open.apiKey} onClose={close} />
  if (open?.what === 'rotate') return <RotateKey apiKey={open.apiKey} onClose={close} onMade={made} />
  if (open?.what === 'delete') return <DeleteKey apiKey={open.apiKey} onClose={close} />
  return null
}

type Chosen = (what: 'edit' | 'rotate' | 'delete', apiKey: ApiKey) => void

const columns = (onChoose: Chosen, off: boolean): readonly Column<ApiKey>[] => [
  { id: 'name', head: 'Name', cell: (key) => <KeyName apiKey={key} /> },
  {
    id: 'organizations',
    head: 'Organizations',
    width: '120px',
    phone: false,
    cell: ({ organizations }) =>
      organizations?.map(({ name }) => name ?? 'out of your reach').join(', ') ?? 'Partner-wide',
  },
  {
    id: 'scopes',
    head: 'Scopes',
    width: '184px',
    phone: false,
    cell: ({ scopes }) => <Scopes scopes={scopes} />,
  },
  {
    id: 'addresses',
    head: 'From addresses',
    width: '120px',
    phone: false,
    cell: ({ ip_allow_list: list }) => (
      <span className="font-mono text-12" title={list?.join(', ')}>
        {list === null ? 'any' : list.length > 1 ? `${list[0]} +${list.length - 1}` : list[0]}
      </span>
    ),
  },
  {
    id: 'expires',
    head: 'Expires',
    width: '96px',
    phone: false,
    cell: (key) =>
      key.state === 'expired' ? (
        <span className="text-crit">expired</span>
      ) : key.expires_at === null ? (
        <span className="text-med">never</span>
      ) : (
        <When at={key.expires_at} />
      ),
  },
  {
    id: 'used',
    head: 'Last used',
    width: '84px',
    phone: false,
    cell: ({ last_used_at, last_used_ip }) => (
      <span title={last_used_ip === null ? undefined : `from ${last_used_ip}`}>
        <When at={last_used_at} />
      </span>
    ),
  },
  {
    id: 'user',
    head: 'Acts as',
    width: '96px',
    phone: false,
    cell: ({ user }) => <span className="text-text-2">{user.name ?? 'out of your reach'}</span>,
  },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '56px',
    align: 'right',
    cell: (key) => <KeyMenu apiKey={key} off={off} onChoose={onChoose} />,
  },
]

const KeyName = ({ apiKey }: { apiKey: ApiKey }) => (
  <span className="flex min-w-0 flex-col">
    <span className="flex items-center gap-2">
      <b className="truncate font-medium" title={apiKey.name}>
        {apiKey.name}
      </b>
      {apiKey.state === 'expired' && <Tag tone="crit">expired</Tag>}
    </span>
    <span className="text-12 font-regular text-text-3">
      <code>{apiKey.prefix}…</code>
      {apiKey.former_secret_until !== undefined && (
        <span className="ml-2 text-med">
          old one ends <When at={apiKey.former_secret_until} />
        </span>
      )}
    </span>
  </span>
)

const KeyMenu = ({ apiKey, off, onChoose }: { apiKey: ApiKey; off: boolean; onChoose: Chosen }) => (
  <Menu
    trigger={
      <Button variant="ghost" size="sm" icon aria-label={`Actions for ${apiKey.name}`}>
        <Ellipsis className="size-4" strokeWidth={1.6} />
      </Button>
    }
  >
    <MenuItem icon={Pencil} disabled={off} onSelect={() => onChoose('edit', apiKey)}>
      Edit…
    </MenuItem>
    <MenuItem icon={RotateCw} disabled={off || apiKey.state === 'expired'} onSelect={() => onChoose('rotate', apiKey)}>
      Rotate…
    </MenuItem>
    <MenuLine />
    <MenuItem icon={Trash2} danger disabled={off} onSelect={() => onChoose('delete', apiKey)}>
      Delete…
    </MenuItem>
  </Menu>
)
