import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useBegin } from '../../app/begin.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { DevicePicker } from '../acting/device-picker.tsx'
import { countOf, missingDevices, NOBODY, type Picked, selectionOf } from '../acting/selection.ts'
import { ROLLOUT_TOOLS } from '../rollouts/rollouts.ts'

interface How {
  updates: string
  securityOnly: boolean
  when: string
  ignoreWindows: boolean
  reboot: string
  soak: string
  success: string
}
const AS_USUAL: How = {
  updates: '',
  securityOnly: false,
  when: 'next_window',
  ignoreWindows: false,
  reboot: 'never',
  soak: '60',
  success: '90',
}

/** Devices and updates; the server answers with stages and versions, and only that is confirmed. */
export function DeployPatches({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [picked, setPicked] = useState<Picked>(NOBODY)
  const [how, setHow] = useState(AS_USUAL)
  const { run, busy, refusal } = useBegin<object>('deploy_patches', {
    refresh: [...ROLLOUT_TOOLS, 'get_patch_status'],
    onBegun: (operationId) => void navigate({ to: '/rollouts/$operationId', params: { operationId } }),
    onAwaitingApproval: onClose,
  })
  return (
    <FormDialog
      width="wide"
      title="Deploy patches"
      about="In stages, few and unimportant devices first. The server first shows which updates on which devices, and when."
      act={`Deploy to ${countOf(picked)}…`}
      doing="Asking…"
      tier={3}
      busy={busy}
      refusal={refusal}
      disabled={missingDevices(picked)}
      onClose={onClose}
      onSubmit={() => run({ ...selectionOf(picked), ...howOf(how) })}
    >
      <DevicePicker picked={picked} onPick={setPicked} />
      <HowFields how={how} onChange={(changed) => setHow({ ...how, ...changed })} />
    </FormDialog>
  )
}

function HowFields({ how, onChange }: { how: How; onChange: (changed: Partial<How>) => void }) {
  return (
    <>
      <TextField
        label="Updates, optional"
        hint="Package names or KB numbers, by comma. None: all that are approved."
        autoComplete="off"
        value={how.updates}
        onChange={({ target }) => onChange({ updates: target.value })}
      />
      <Checkbox
        label="Only updates for security"
        checked={how.securityOnly}
        onChange={({ target }) => onChange({ securityOnly: target.checked })}
      />
      <div className="grid grid-cols-2 gap-4 max-sm:grid-cols-1">
        <SelectField label="When" value={how.when} onChange={({ target }) => onChange({ when: target.value })}>
          <option value="next_window">In the next maintenance window</option>
          <option value="now">Now, or in the window that is open</option>
        </SelectField>
        <SelectField label="Restart" value={how.reboot} onChange={({ target }) => onChange({ reboot: target.value })}>
          <option value="never">Never</option>
          <option value="if_required">Where an update requires it</option>
          <option value="always">Always</option>
        </SelectField>
        <TextField
          label="Minutes between stages"
          inputMode="numeric"
          value={how.soak}
          onChange={({ target }) => onChange({ soak: target.value })}
        />
        <TextField
          label="Percent of a stage that must succeed"
          inputMode="numeric"
          value={how.success}
          onChange={({ target }) => onChange({ success: target.value })}
        />
      </div>
      <Checkbox
        label="Outside maintenance windows too"
        checked={how.ignoreWindows}
        onChange={({ target }) => onChange({ ignoreWindows: target.checked })}
      />
    </>
  )
}

function howOf({ updates, securityOnly, when, ignoreWindows, reboot, soak, success }: How) {
  const named = updates
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return {
    ...(named.length > 0 && { updates: named }),
    security_only: securityOnly,
    when,
    ignore_windows: ignoreWindows,
    reboot,
    soak_minutes: Number(soak),
    min_success_percent: Number(success),
  }
}
