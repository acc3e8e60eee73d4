import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Checkbox } from '../../ui/checkbox.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { RevealOnce } from '../../ui/reveal-once.tsx'
import { NameField } from '../../ui/name-field.tsx'
import { When } from '../../ui/when.tsx'
import { RoleField, requestOf, wrongRole } from './role-field.tsx'
import {
  type ResetLink,
  type RoleRequest,
  roles,
  type User,
  useCreateServiceUser,
  useResetLink,
  useSetDisabled,
  useSetRoles,
} from './users.ts'

interface UserDialogProps {
  user: User
  onClose: () => void
}

/** One role at a time: what was held before is replaced as a whole, and the dialog says what that was. */
export function ChangeRoles({ user, onClose }: UserDialogProps) {
  const { data: known } = useQuery(roles)
  const [first] = user.roles
  const [value, setValue] = useState<RoleRequest>({
    role: first?.role ?? '',
    organizations: user.roles.flatMap((held) =>
      held.role === first?.role && held.organization ? [held.organization.id] : [],
    ),
  })
  const [asked, setAsked] = useState(false)
  const change = useSetRoles(onClose)
  const wrong = wrongRole(value, known)
  const others = user.roles.some((held) => held.role !== first?.role || held.sites !== null)
  const submit = () => {
    setAsked(true)
    if (wrong === undefined) change.run({ user: user.id, action: 'set_roles', roles: [requestOf(value, known)] })
  }
  return (
    <FormDialog
      title={`Change the role of ${user.name}`}
      about="It holds from the next call of each of their credentials."
      act="Change role"
      doing="Saving…"
      busy={change.busy}
      refusal={change.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      {others && (
        <Note tone="warn" title="They hold more than this shows.">
          Other roles, or roles at single sites, end when this is saved. The tool update_user sets several at once.
        </Note>
      )}
      <RoleField value={value} onChange={setValue} error={asked ? wrong : undefined} />
    </FormDialog>
  )
}

export function DisableUser({ user, onClose }: UserDialogProps) {
  const change = useSetDisabled()
  return (
    <ConfirmDialog
      title={`Disable ${user.name}?`}
      about="They are signed out, and every key and grant of theirs stops with its next call. They can be enabled again."
      act="Disable user"
      doing="Disabling…"
      keep="Keep enabled"
      busy={change.busy}
      refusal={change.refusal}
      onKeep={onClose}
      onAct={() => {
        change.run({ user: user.id, action: 'disable' })
        onClose()
      }}
    />
  )
}

export function MakeResetLink({ user, onClose }: UserDialogProps) {
  const [secondFactor, setSecondFactor] = useState(false)
  const [made, setMade] = useState<ResetLink | null>(null)
  const make = useResetLink(setMade)
  if (made) {
    return (
      <RevealOnce
        title={`Send ${made.name} this link`}
        about="This is the only time it is shown. Whoever opens it sets the password: send it to nobody else."
        label="Link"
        secret={made.link}
        onDone={onClose}
      >
        <p className="text-text-2">
          It works once, until <When at={made.expires_at} />.
        </p>
      </RevealOnce>
    )
  }
  return (
    <FormDialog
      title={`Make a link for ${user.name} to set a new password?`}
      about="The password stays as it is until the link is used. Earlier links end."
      act="Make link"
      doing="Making…"
      busy={make.busy}
      refusal={make.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={() => make.run({ user: user.id, second_factor: secondFactor })}
    >
      <Checkbox
        label="They also lost their second factor"
        hint="Using the link then removes their authenticator app and passkeys."
        checked={secondFactor}
        onChange={(event) => setSecondFactor(event.target.checked)}
      />
    </FormDialog>
  )
}

export function CreateServiceUser({ onClose }: { onClose: () => void }) {
  const { data: known } = useQuery(roles)
  const [name, setName] = useState('')
  const [value, setValue] = useState<RoleRequest>({ role: '' })
  const [asked, setAsked] = useState(false)
  const create = useCreateServiceUser(onClose)
  const wrong = wrongRole(value, known)
  const submit = () => {
    setAsked(true)
    if (name.trim() === '' || wrong !== undefined) return
    create.run({ kind: 'service', name: name.trim(), ...requestOf(value, known) })
  }
  return (
    <FormDialog
      title="Create a service user"
      about="It never signs in. You own it, and it holds keys that must outlive a person."
      act="Create service user"
      doing="Creating…"
      busy={create.busy}
      refusal={create.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      <NameField
        value={name}
        onChange={setName}
        error={asked && name.trim() === '' ? 'Give it a name that says what it is for.' : undefined}
      />
      <RoleField value={value} onChange={setValue} error={asked ? wrong : undefined} />
    </FormDialog>
  )
}
