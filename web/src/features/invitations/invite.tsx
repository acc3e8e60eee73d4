import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Facts } from '../../ui/facts.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { RevealOnce } from '../../ui/reveal-once.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { When } from '../../ui/when.tsx'
import { RoleField, requestOf, wrongRole } from '../users/role-field.tsx'
import { type RoleRequest, roles } from '../users/users.ts'
import { type Invited, useInvite } from './invitations.ts'

export function Invite({ onClose }: { onClose: () => void }) {
  const { data: known } = useQuery(roles)
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [role, setRole] = useState<RoleRequest>({ role: '' })
  const [asked, setAsked] = useState(false)
  const [made, setMade] = useState<Invited | null>(null)
  const invite = useInvite(setMade)
  const wrong = {
    email: /^[^\s@]+@[^\s@]+$/.test(email.trim()) ? undefined : 'Enter the address that they sign in with.',
    role: wrongRole(role, known),
  }
  const submit = () => {
    setAsked(true)
    if (wrong.email !== undefined || wrong.role !== undefined) return
    invite.run({
      email: email.trim(),
      ...(name.trim() !== '' && { name: name.trim() }),
      ...requestOf(role, known),
    })
  }
  if (made) return <InvitationLink made={made} onDone={onClose} />
  return (
    <FormDialog
      title="Invite a person"
      about="They choose their own password. An earlier invitation to the same address ends."
      act="Invite"
      doing="Inviting…"
      busy={invite.busy}
      refusal={invite.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      <TextField
        label="Email"
        type="email"
        autoFocus
        autoComplete="off"
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        error={asked ? wrong.email : undefined}
      />
      <TextField
        label="Name"
        autoComplete="off"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
        hint="They can change it when they accept."
      />
      <RoleField value={role} onChange={setRole} error={asked ? wrong.role : undefined} />
    </FormDialog>
  )
}

const InvitationLink = ({ made, onDone }: { made: Invited; onDone: () => void }) => (
  <RevealOnce
    title={made.mailed ? `${made.email} is invited` : `Send ${made.email} this link`}
    about={
      made.mailed
        ? 'The link below was mailed to them. This is the only time it is shown here.'
        : 'No mail server is set up, so nobody has it yet. This is the only time it is shown.'
    }
    label="Invitation link"
    secret={made.link}
    onDone={onDone}
  >
    <Facts
      facts={[
        ['Role', made.roles],
        ['Works until', <When key="until" at={made.expires_at} />],
      ]}
    />
  </RevealOnce>
)
