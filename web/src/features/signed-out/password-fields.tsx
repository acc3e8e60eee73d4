import { useState } from 'react'
import { TextField } from '../../ui/text-field.tsx'

/** What the server asks for at least; it says more where it refuses. */
export const SHORTEST = 12

/** A new password. It can be looked at instead of being typed twice. */
export function NewPassword({
  value,
  onChange,
  error,
}: {
  value: string
  onChange: (value: string) => void
  error?: string | undefined
}) {
  const [shown, setShown] = useState(false)
  return (
    <TextField
      label="Password"
      size="lg"
      type={shown ? 'text' : 'password'}
      autoComplete="new-password"
      value={value}
      onChange={(event) => onChange(event.target.value)}
      error={error}
      hint={`At least ${SHORTEST} characters. Longer is better than odd.`}
      aside={
        <button type="button" className="link text-12" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? 'Hide' : 'Show'}
        </button>
      }
    />
  )
}
