import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useBegin } from '../../app/begin.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { DevicePicker } from '../acting/device-picker.tsx'
import { countOf, missingDevices, NOBODY, type Picked, selectionOf } from '../acting/selection.ts'
import { missingParameter, ParameterFields, type Typed, valuesOf } from './parameter-fields.tsx'
import { type OneScript, SCRIPT_TOOLS, systemsOf } from './scripts.ts'

interface How {
  runAs: string
  timeout: string
  concurrency: string
  expires: string
  staged: boolean
}
const AS_USUAL: How = { runAs: '', timeout: '', concurrency: '', expires: '1440', staged: false }

const WAITS = [
  ['60', 'For an hour'],
  ['1440', 'For a day'],
  ['4320', 'For three days'],
  ['10080', 'For a week'],
] as const

/** Chooses devices and values. The server answers with the plan, and only that is confirmed. */
export function RunScript({ one, onClose }: { one: OneScript; onClose: () => void }) {
  const { script } = one
  const navigate = useNavigate()
  const [picked, setPicked] = useState<Picked>(NOBODY)
  const [typed, setTyped] = useState<Typed>({})
  const [how, setHow] = useState(AS_USUAL)
  const { run, busy, refusal } = useBegin<object>('run_script', {
    refresh: SCRIPT_TOOLS,
    onBegun: (runId) => void navigate({ to: '/scripts/runs/$runId', params: { runId }, search: { script: script.id } }),
    onAwaitingApproval: onClose,
  })
  const missing = missingDevices(picked) || missingParameter(script.parameters, typed)
  return (
    <FormDialog
      width="wide"
      title={`Run ${script.name}`}
      about={`Version ${script.version}, for ${systemsOf(script)}. The server first shows what it would do, device by device.`}
      act={`Run on ${countOf(picked)}…`}
      doing="Asking…"
      tier={3}
      busy={busy}
      refusal={refusal}
      disabled={missing}
      onClose={onClose}
      onSubmit={() =>
        run({
          script: script.id,
          version: script.version,
          ...selectionOf(picked),
          ...valuesOf(script.parameters, typed),
          ...howOf(how),
        })
      }
    >
      <DevicePicker picked={picked} onPick={setPicked} />
      <ParameterFields
        parameters={script.parameters}
        typed={typed}
        onType={(name, value) => setTyped({ ...typed, [name]: value })}
      />
      {script.parameters.some(({ type }) => type === 'secret') && (
        <Note>Secrets are masked in records and in what the script writes, and kept until the script has ended.</Note>
      )}
      <HowFields one={one} how={how} onChange={(changed) => setHow({ ...how, ...changed })} />
    </FormDialog>
  )
}

interface HowFieldsProps {
  one: OneScript
  how: How
  onChange: (changed: Partial<How>) => void
}

function HowFields({ one, how, onChange }: HowFieldsProps) {
  return (
    <details className="group">
      <summary className="inline-flex list-none items-center gap-2 rounded-1 font-medium text-text-2 hover:text-text">
        <span aria-hidden="true" className="transition-transform group-open:rotate-90">
          ›
        </span>
        User, time and pace
      </summary>
      <div className="mt-3 grid grid-cols-2 gap-4 max-sm:grid-cols-1">
        <TextField
          label="Runs as"
          placeholder={one.run_as ?? 'the agent’s own user'}
          autoComplete="off"
          maxLength={64}
          value={how.runAs}
          onChange={({ target }) => onChange({ runAs: target.value })}
        />
        <TextField
          label="At most, in seconds"
          placeholder={String(one.timeout_seconds)}
          inputMode="numeric"
          value={how.timeout}
          onChange={({ target }) => onChange({ timeout: target.value })}
        />
        <TextField
          label="Devices at once"
          placeholder="all"
          inputMode="numeric"
          value={how.concurrency}
          onChange={({ target }) => onChange({ concurrency: target.value })}
        />
        <SelectField
          label="Devices that are offline are waited for"
          value={how.expires}
          onChange={({ target }) => onChange({ expires: target.value })}
        >
          {WAITS.map(([minutes, said]) => (
            <option key={minutes} value={minutes}>
              {said}
            </option>
          ))}
        </SelectField>
        <Checkbox
          className="col-span-full"
          label="In stages"
          hint="Few and unimportant devices first; the next stage begins an hour after 90 % of one succeeded, else it stops."
          checked={how.staged}
          onChange={({ target }) => onChange({ staged: target.checked })}
        />
      </div>
    </details>
  )
}

/** What is left as it is, is not sent. What is no number, the server refuses by name. */
const howOf = ({ runAs, timeout, concurrency, expires, staged }: How) => ({
  // None named: the usual ones.
  ...(staged && { stages: [] }),
  ...(runAs.trim() !== '' && { run_as: runAs.trim() }),
  ...(timeout.trim() !== '' && { timeout_seconds: Number(timeout) }),
  ...(concurrency.trim() !== '' && { concurrency: Number(concurrency) }),
  expires_in_minutes: Number(expires),
})
