import { TextField } from './text-field.tsx'

interface NameFieldProps {
  value: string
  onChange: (name: string) => void
  error?: string | undefined
  /** An example. */
  placeholder?: string
  maxLength?: number
}

/** What somebody calls a thing; the first field of its dialog. */
export const NameField = ({ onChange, maxLength = 200, ...field }: NameFieldProps) => (
  <TextField
    label="Name"
    autoFocus
    autoComplete="off"
    maxLength={maxLength}
    {...field}
    onChange={(event) => onChange(event.target.value)}
  />
)
