import { useState } from 'react'
import { SelectField } from '../../ui/text-field.tsx'
import { type ApiKey, type MadeKey, useRotateKey } from './api-keys.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'

const OVERLAPS = [
  { value: '24h', label: '24 hours' },
  { value: '1h', label: '1 hour' },
  { value: '7d', label: '7 days' },
  { value: '0', label: 'No overlap: the old secret ends now' },
] as const

interface RotateKeyProps {
  apiKey: ApiKey
  onClose: () => void
  onMade: (made: MadeKey & { former_secret_until: string | null }) => void
}

/** A new secret; the old one goes on for a while, so that programs can be moved over. */
export function RotateKey({ apiKey, onClose, onMade }: RotateKeyProps) {
  const [overlap, setOverlap] = useState<string>('24h')
  const rotate = useRotateKey(onMade)
  return (
    <FormDialog
      title={`Rotate “${apiKey.name}”?`}
      about="It gets a new secret, shown once. Name, scopes and expiry stay."
      act="Rotate key"
      doing="Rotating…"
      busy={rotate.busy}
      refusal={rotate.refusal}
      tier={2}
      keep="Keep"
      onClose={onClose}
      onSubmit={() => rotate.run({ key: apiKey.id, overlap })}
    >
      <SelectField
        label="The old secret works for"
        value={overlap}
        onChange={(event) => setOverlap(event.target.value)}
        hint={overlap === '0' ? 'Whatever uses it fails with its next call, and open streams are cut.' : undefined}
      >
        {OVERLAPS.map((one) => (
          <option key={one.value} value={one.value}>
            {one.label}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  )
}
