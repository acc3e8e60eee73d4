import { useState } from 'react'
import { useSession } from '../../app/session.ts'
import { Radio } from '../../ui/checkbox.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { useStop } from './stops.ts'

/** Everything is for the partner's own people; others stop what is theirs. */
export function StopDialog({ onClose }: { onClose: () => void }) {
  const session = useSession()
  const partner = Boolean(session.partner)
  const [everything, setEverything] = useState(partner)
  const [organization, setOrganization] = useState(session.organizations[0]?.id ?? '')
  const [reason, setReason] = useState('')
  const [asked, setAsked] = useState(false)
  const stop = useStop(onClose)
  const wrong = reason.trim() === '' ? 'Say why: everybody who is refused reads it.' : undefined
  const submit = () => {
    setAsked(true)
    if (wrong !== undefined) return
    const subject = everything ? { everything: true as const } : { organization }
    stop.run({ action: 'stop', reason: reason.trim(), ...subject })
  }
  return (
    <FormDialog
      title="Stop all assistants?"
      about="Every call that writes or acts is refused, by assistants, keys and people, until the stop is lifted. What waits is cancelled and does not come back; running scripts are stopped. Reading goes on."
      act="Stop"
      doing="Stopping…"
      busy={stop.busy}
      refusal={stop.refusal}
      tier={2}
      danger
      keep="Keep going"
      onClose={onClose}
      onSubmit={submit}
    >
      {partner && (
        <fieldset className="flex flex-col gap-1.5">
          <legend className="mb-1.5 font-medium">What to stop</legend>
          <Radio
            name="stopped"
            label="Everything"
            hint="In every organization, those added later included."
            checked={everything}
            onChange={() => setEverything(true)}
          />
          <Radio name="stopped" label="One organization" checked={!everything} onChange={() => setEverything(false)} />
        </fieldset>
      )}
      {!everything && (
        <SelectField
          label="Organization"
          value={organization}
          onChange={(event) => setOrganization(event.target.value)}
        >
          {session.organizations.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
      )}
      <TextField
        label="Reason"
        data-first
        autoComplete="off"
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
        error={asked ? wrong : undefined}
      />
    </FormDialog>
  )
}
