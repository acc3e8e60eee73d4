import { MailPlus } from 'lucide-react'
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
import { When } from '../../ui/when.tsx'
import { type Invitation, type InvitationPage, invitations, useRevokeInvitation } from './invitations.ts'
import { Invite } from './invite.tsx'

export function InvitationsPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const list = useToolList(
    invitations(organization ? { organization: organization.id } : {}),
    (page: InvitationPage) => page.invitations,
  )
  const [inviting, setInviting] = useState(false)
  const [revoking, setRevoking] = useState<Invitation | null>(null)
  const off = withheld(session, 'users.write')
  const invite = (
    <Button variant="primary" size="sm" disabled={off} onClick={() => setInviting(true)}>
      <MailPlus className="size-4" strokeWidth={1.6} aria-hidden="true" />
      Invite a person
    </Button>
  )
  return (
    <SettingsPage
      title="Invitations"
      actions={invite}
      foot={<ListCount list={list} one="invitation" many="invitations" />}
    >
      <ToolTable
        caption="Invitations"
        columns={columns(off, setRevoking)}
        list={list}
        rowKey={(one) => one.id}
        empty={
          <StateView icon={MailPlus} title="No open invitations" actions={invite}>
            Invite somebody with a role. Whoever accepted is under Users &amp; roles.
          </StateView>
        }
      />
      {inviting && <Invite onClose={() => setInviting(false)} />}
      {revoking && <RevokeInvitation invitation={revoking} onClose={() => setRevoking(null)} />}
    </SettingsPage>
  )
}

function RevokeInvitation({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const revoke = useRevokeInvitation(onClose)
  return (
    <ConfirmDialog
      title={`Revoke the invitation of ${invitation.email}?`}
      about="Its link opens nothing any more. They can be invited again."
      act="Revoke"
      doing="Revoking…"
      busy={revoke.busy}
      refusal={revoke.refusal}
      onKeep={onClose}
      onAct={() => revoke.run({ invitation: invitation.id })}
    />
  )
}

const columns = (off: string | false, onRevoke: (one: Invitation) => void): readonly Column<Invitation>[] => [
  {
    id: 'email',
    head: 'Email',
    cell: ({ email, name }) => (
      <span title={name ?? undefined}>
        <b className="font-medium">{email}</b>
      </span>
    ),
  },
  { id: 'roles', head: 'Role', width: '34%', phone: false, cell: ({ roles }) => <span title={roles}>{roles}</span> },
  { id: 'sent', head: 'Invited', width: '104px', phone: false, cell: ({ created_at }) => <When at={created_at} /> },
  {
    id: 'until',
    head: 'Works until',
    width: '112px',
    phone: false,
    cell: ({ state, expires_at }) => (state === 'expired' ? <Tag tone="warn">expired</Tag> : <When at={expires_at} />),
  },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '100px',
    align: 'right',
    cell: (one) => (
      <Button
        size="sm"
        disabled={off}
        aria-label={`Revoke the invitation of ${one.email}`}
        onClick={() => onRevoke(one)}
      >
        Revoke
      </Button>
    ),
  },
]
