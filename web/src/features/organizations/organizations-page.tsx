import { Building2, ListFilter, Pencil, Plus } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Tag } from '../../ui/tag.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { CreateOrganization, CreateSite, EditOrganization } from './organization-dialogs.tsx'
import { type Organization, type OrganizationPage, organizations } from './organizations.ts'
import { SitesDrawer } from './sites-drawer.tsx'

export function OrganizationsPage() {
  const session = useSession()
  const [text, setText] = useState('')
  const [openId, setOpenId] = useState<string | null>(null)
  const [asking, setAsking] = useState<'organization' | 'site' | null>(null)
  const [editing, setEditing] = useState<Organization | null>(null)
  const list = useToolList(
    organizations(text.trim() === '' ? {} : { text: text.trim() }),
    (page: OrganizationPage) => page.organizations,
  )
  const open = list.rows?.find(({ id }) => id === openId)
  const off = withheld(session, 'organizations.write')
  const create = (
    <Button variant="primary" size="sm" disabled={off} onClick={() => setAsking('organization')}>
      <Plus className="size-4" strokeWidth={1.6} aria-hidden="true" />
      New organization
    </Button>
  )
  return (
    <SettingsPage
      title="Organizations & sites"
      actions={create}
      toolbar={<SearchField label="Find organizations" placeholder="Name" value={text} onChange={setText} />}
      foot={<ListCount list={list} one="organization" many="organizations" />}
    >
      <ToolTable
        caption="Organizations"
        columns={columns(off, setOpenId, setEditing)}
        list={list}
        rowKey={(one) => one.id}
        current={openId ?? undefined}
        onOpen={(one) => setOpenId(one.id)}
        empty={
          text.trim() === '' ? (
            <StateView icon={Building2} title="No organizations yet" actions={create}>
              Each customer is one organization, with its own sites, devices and people.
            </StateView>
          ) : (
            <StateView
              icon={ListFilter}
              title="No organization matches"
              actions={<Button onClick={() => setText('')}>Clear filters</Button>}
            />
          )
        }
      />
      {open && (
        <SitesDrawer organization={open} off={off} onCreate={() => setAsking('site')} onClose={() => setOpenId(null)} />
      )}
      {asking === 'organization' && <CreateOrganization onClose={() => setAsking(null)} />}
      {asking === 'site' && open && <CreateSite organization={open} onClose={() => setAsking(null)} />}
      {editing && <EditOrganization organization={editing} onClose={() => setEditing(null)} />}
    </SettingsPage>
  )
}

const columns = (
  off: string | false,
  onOpen: (id: string) => void,
  onEdit: (one: Organization) => void,
): readonly Column<Organization>[] => [
  {
    id: 'name',
    head: 'Name',
    cell: (one) => (
      <span className="flex items-center gap-2">
        <button type="button" className="truncate rounded-1 font-medium text-text" onClick={() => onOpen(one.id)}>
          {one.name}
        </button>
        {one.kind === 'internal' && <Tag>internal</Tag>}
      </span>
    ),
  },
  { id: 'sites', head: 'Sites', width: '72px', align: 'right', cell: ({ sites }) => number(sites) },
  {
    id: 'assistants',
    head: 'Assistants',
    width: '112px',
    phone: false,
    cell: ({ assistants_enabled: on }) => (on ? <span className="text-text-2">on</span> : <Tag tone="warn">off</Tag>),
  },
  {
    id: 'limit',
    head: 'Approval above',
    width: '132px',
    phone: false,
    cell: ({ approval_limit: limit }) => `${number(limit)} ${limit === 1 ? 'device' : 'devices'}`,
  },
  { id: 'created', head: 'Added', width: '96px', phone: false, cell: ({ created_at }) => <When at={created_at} /> },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '56px',
    align: 'right',
    cell: (one) => (
      <Button
        variant="ghost"
        size="sm"
        icon
        disabled={off}
        aria-label={`Change ${one.name}`}
        onClick={() => onEdit(one)}
      >
        <Pencil className="size-4" strokeWidth={1.6} />
      </Button>
    ),
  },
]
