import { useState } from 'react'
import { Checkbox } from '../../ui/checkbox.tsx'
import { SaveDialog } from '../../ui/form-dialog.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { type JudgedOrganization, useSetTerms } from './risk-engine.ts'

/** When a second person decides, and how long they have. */
export function TermsDialog({ organization, onClose }: { organization: JudgedOrganization; onClose: () => void }) {
  const [limit, setLimit] = useState(String(organization.approval_limit))
  const [hours, setHours] = useState(String(organization.approval_hours))
  const [own, setOwn] = useState(organization.requester_may_decide)
  const [minutes, setMinutes] = useState(String(organization.untrusted_minutes))
  const save = useSetTerms(onClose)
  const wrong = {
    limit: within(limit, 1, 1_000_000) ? undefined : 'Enter a number of devices, 1 or more.',
    hours: within(hours, 1, 720) ? undefined : 'Enter hours, from 1 to 720.',
    minutes: within(minutes, 0, 1440) ? undefined : 'Enter minutes, from 0 (off) to 1,440.',
  }
  const submit = () => {
    if (Object.values(wrong).some((problem) => problem !== undefined)) return
    const asked = {
      approval_limit: Number(limit),
      approval_hours: Number(hours),
      requester_may_decide: own,
      untrusted_minutes: Number(minutes),
    }
    save.run({ organization: organization.id, ...asked })
  }
  return (
    <SaveDialog
      title={`Approvals in ${organization.name}`}
      about="What changes holds from the next call."
      busy={save.busy}
      refusal={save.refusal}
      onClose={onClose}
      onSubmit={submit}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="A second person approves above"
          inputMode="numeric"
          autoComplete="off"
          autoFocus
          value={limit}
          onChange={(event) => setLimit(event.target.value)}
          error={wrong.limit}
          hint="Devices that one call may touch."
        />
        <TextField
          label="A request waits"
          inputMode="numeric"
          autoComplete="off"
          value={hours}
          onChange={(event) => setHours(event.target.value)}
          error={wrong.hours}
          hint="Hours. What nobody decides in time never runs."
        />
      </div>
      <Checkbox
        label="Whoever asked may decide"
        hint="For those who work alone: the same person asks and approves, and the audit says so."
        checked={own}
        onChange={(event) => setOwn(event.target.checked)}
      />
      <TextField
        label="After an assistant has read device text, its high-impact calls need a second person for"
        inputMode="numeric"
        autoComplete="off"
        value={minutes}
        onChange={(event) => setMinutes(event.target.value)}
        error={wrong.minutes}
        hint="Minutes; 0 is off. Output and logs may hold words meant for a model."
      />
    </SaveDialog>
  )
}

const within = (text: string, least: number, most: number): boolean =>
  /^\d{1,7}$/.test(text.trim()) && Number(text) >= least && Number(text) <= most
