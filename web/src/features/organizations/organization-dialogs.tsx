import { useState } from 'react'
import { Checkbox } from '../../ui/checkbox.tsx'
import { FormDialog, SaveDialog } from '../../ui/form-dialog.tsx'
import { NameField } from '../../ui/name-field.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { type Organization, useCreateOrganization, useCreateSite, useUpdateOrganization } from './organizations.ts'

interface NameDialogProps {
  title: string
  about: string
  act: string
  busy: boolean
  refusal: string | undefined
  onSubmit: (name: string) => void
  onClose: () => void
}

function NameDialog({ title, about, act, busy, refusal, onSubmit, onClose }: NameDialogProps) {
  const [name, setName] = useState('')
  const [asked, setAsked] = useState(false)
  const submit = () => {
    setAsked(true)
    if (name.trim() !== '') onSubmit(name.trim())
  }
  return (
    <FormDialog
      title={title}
      about={about}
      act={act}
      doing="Creating…"
      busy={busy}
      refusal={refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      <NameField value={name} onChange={setName} error={asked && name.trim() === '' ? 'Give it a name.' : undefined} />
    </FormDialog>
  )
}

export function CreateOrganization({ onClose }: { onClose: () => void }) {
  const create = useCreateOrganization(onClose)
  return (
    <NameDialog
      title="Create an organization"
      about="A customer: its sites, devices and people are kept apart from all others."
      act="Create organization"
      busy={create.busy}
      refusal={create.refusal}
      onSubmit={(name) => create.run({ name })}
      onClose={onClose}
    />
  )
}

export function CreateSite({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const create = useCreateSite(onClose)
  return (
    <NameDialog
      title={`Create a site in ${organization.name}`}
      about="An office or a location. Devices are enrolled into a site."
      act="Create site"
      busy={create.busy}
      refusal={create.refusal}
      onSubmit={(name) => create.run({ name, organization: organization.id })}
      onClose={onClose}
    />
  )
}

export function EditOrganization({ organization, onClose }: { organization: Organization; onClose: () => void }) {
  const [name, setName] = useState(organization.name)
  const [assistants, setAssistants] = useState(organization.assistants_enabled)
  const [limit, setLimit] = useState(String(organization.approval_limit))
  const update = useUpdateOrganization(onClose)
  const wrong = {
    name: name.trim() === '' ? 'Give it a name.' : undefined,
    limit: /^[1-9]\d{0,5}$/.test(limit.trim()) ? undefined : 'Enter a number of devices, 1 or more.',
  }
  const submit = () => {
    if (wrong.name !== undefined || wrong.limit !== undefined) return
    update.run({
      organization: organization.id,
      ...(name.trim() !== organization.name && { name: name.trim() }),
      ...(assistants !== organization.assistants_enabled && { assistants_enabled: assistants }),
      ...(Number(limit) !== organization.approval_limit && { approval_limit: Number(limit) }),
    })
  }
  return (
    <SaveDialog
      title={`Change ${organization.name}`}
      about="What changes holds from the next call."
      busy={update.busy}
      refusal={update.refusal}
      onClose={onClose}
      onSubmit={submit}
    >
      <NameField value={name} onChange={setName} error={wrong.name} />
      <Checkbox
        label="Assistants may reach it"
        hint="Off takes it out of the reach of every key and grant. People at the console go on."
        checked={assistants}
        onChange={(event) => setAssistants(event.target.checked)}
      />
      <TextField
        label="A second person approves above"
        inputMode="numeric"
        autoComplete="off"
        value={limit}
        onChange={(event) => setLimit(event.target.value)}
        error={wrong.limit}
        hint="Devices that one call may touch."
      />
    </SaveDialog>
  )
}
