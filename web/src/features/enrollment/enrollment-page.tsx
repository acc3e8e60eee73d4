import { Plus, Ticket, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Tag } from '../../ui/tag.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { CreateToken } from './create-token.tsx'
import { type EnrollmentToken, type TokenPage, tokens, useDeleteToken } from './enrollment.ts'
import { WaitingDevices } from './waiting-devices.tsx'

export function EnrollmentPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const list = useToolList(
    tokens(organization ? { organization: organization.id } : {}),
    (page: TokenPage) => page.enrollment_tokens,
  )
  const [creating, setCreating] = useState(false)
  const [deleting, setDeleting] = useState<EnrollmentToken | null>(null)
  const off = withheld(session, 'enrollment.write')
  const create = (
    <Button variant="primary" size="sm" disabled={off} onClick={() => setCreating(true)}>
      <Plus className="size-4" strokeWidth={1.6} aria-hidden="true" />
      New token
    </Button>
  )
  return (
    <SettingsPage title="Enrollment tokens" actions={create} foot={<ListCount list={list} one="token" many="tokens" />}>
      <WaitingDevices organization={organization?.id} />
      <ToolTable
        caption="Enrollment tokens"
        columns={columns(off, setDeleting)}
        list={list}
        rowKey={(token) => token.id}
        empty={
          <StateView icon={Ticket} title="No enrollment tokens yet" actions={create}>
            A token and its one line put the agent on a machine, and the machine on the list of devices.
          </StateView>
        }
      />
      {creating && <CreateToken organization={organization?.id} onClose={() => setCreating(false)} />}
      {deleting && <DeleteToken token={deleting} onClose={() => setDeleting(null)} />}
    </SettingsPage>
  )
}

function DeleteToken({ token, onClose }: { token: EnrollmentToken; onClose: () => void }) {
  const remove = useDeleteToken(onClose)
  return (
    <ConfirmDialog
      title={`Delete this token of ${token.organization.name} · ${token.site.name}?`}
      about="Nothing enrolls with it any more. Devices that did stay."
      act="Delete token"
      doing="Deleting…"
      busy={remove.busy}
      refusal={remove.refusal}
      onKeep={onClose}
      onAct={() => remove.run({ token: token.id })}
    />
  )
}

const STATES = {
  open: <Tag tone="ok">open</Tag>,
  used_up: <Tag>used up</Tag>,
  expired: <Tag tone="warn">expired</Tag>,
}

const columns = (
  off: string | false,
  onDelete: (token: EnrollmentToken) => void,
): readonly Column<EnrollmentToken>[] => [
  {
    id: 'place',
    head: 'Organization, site',
    cell: ({ organization, site }) => (
      <>
        <b className="font-medium">{organization.name}</b>{' '}
        <span className="font-regular text-text-3">· {site.name}</span>
      </>
    ),
  },
  { id: 'state', head: 'State', width: '96px', cell: ({ state }) => STATES[state] },
  {
    id: 'left',
    head: 'Devices left',
    width: '104px',
    align: 'right',
    phone: false,
    cell: ({ uses_left: left }) => number(left),
  },
  {
    id: 'approval',
    head: 'Approval',
    width: '120px',
    phone: false,
    cell: ({ requires_approval: needed, simulated }) => (
      <span className="flex gap-1">
        {needed ? <Tag>each device</Tag> : <span className="text-text-3">none</span>}
        {simulated && <Tag>simulated</Tag>}
      </span>
    ),
  },
  { id: 'expires', head: 'Expires', width: '96px', phone: false, cell: ({ expires_at }) => <When at={expires_at} /> },
  { id: 'created', head: 'Made', width: '96px', phone: false, cell: ({ created_at }) => <When at={created_at} /> },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '56px',
    align: 'right',
    cell: (token) => (
      <Button
        variant="ghost"
        size="sm"
        icon
        disabled={off}
        aria-label={`Delete the token of ${token.organization.name}, ${token.site.name}`}
        onClick={() => onDelete(token)}
      >
        <Trash2 className="size-4" strokeWidth={1.6} />
      </Button>
    ),
  },
]
