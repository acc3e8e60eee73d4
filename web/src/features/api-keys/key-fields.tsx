import { type Session } from '../../app/session.ts'
import { Checkbox, Radio } from '../../ui/checkbox.tsx'
import { SelectField, TextArea } from '../../ui/text-field.tsx'

export const LIFETIMES = [
  { value: '30d', label: '30 days' },
  { value: '90d', label: '90 days' },
  { value: '365d', label: '1 year' },
  { value: 'never', label: 'Never' },
] as const

interface LifetimeProps {
  value: string
  onChange: (value: string) => void
  /** For an existing key: leave it as it is. */
  asIs?: string
}

export const LifetimeField = ({ value, onChange, asIs }: LifetimeProps) => (
  <SelectField
    label="Expires"
    value={value}
    onChange={(event) => onChange(event.target.value)}
    hint={value === 'never' ? 'A key that never expires opens the same doors in ten years.' : undefined}
  >
    {asIs !== undefined && <option value="">{asIs}</option>}
    {LIFETIMES.map((one) => (
      <option key={one.value} value={one.value}>
        {asIs !== undefined && one.value !== 'never' ? `${one.label} from now` : one.label}
      </option>
    ))}
  </SelectField>
)

/** One a line, or by commas. */
export const rangesOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

export const RangesField = ({ value, onChange }: { value: string; onChange: (value: string) => void }) => (
  <TextArea
    label="From addresses"
    rows={2}
    placeholder="any"
    value={value}
    onChange={(event) => onChange(event.target.value)}
    hint="Addresses or ranges such as 203.0.113.0/28, one a line. Empty: from everywhere."
    className="[&_textarea]:font-mono"
  />
)

export interface Reach {
  wide: boolean
  organizations: readonly string[]
}

interface ReachFieldProps {
  session: Session
  value: Reach
  onChange: (value: Reach) => void
  error?: string | undefined
}

export function ReachField({ session, value, onChange, error }: ReachFieldProps) {
  const pick = (id: string, on: boolean) =>
    onChange({
      wide: false,
      organizations: on ? [...value.organizations, id] : value.organizations.filter((other) => other !== id),
    })
  const partner = session.partner !== null && session.partner !== false
  return (
    <fieldset className="flex flex-col gap-1.5">
      <legend className="mb-1.5 font-medium">Organizations</legend>
      {partner && (
        <>
          <Radio
            name="reach"
            label="Partner-wide"
            hint="Every organization that you reach, those added later included."
            checked={value.wide}
            onChange={() => onChange({ wide: true, organizations: [] })}
          />
          <Radio
            name="reach"
            label="Only these"
            checked={!value.wide}
            onChange={() => onChange({ wide: false, organizations: value.organizations })}
          />
        </>
      )}
      {!value.wide && (
        <div className="flex max-h-44 flex-col gap-1 overflow-auto rounded-2 border border-line px-3 py-2">
          {session.organizations.map(({ id, name }) => (
            <Checkbox
              key={id}
              label={name}
              checked={value.organizations.includes(id)}
              onChange={(event) => pick(id, event.target.checked)}
            />
          ))}
        </div>
      )}
      {error !== undefined && (
        <p role="alert" className="text-12 text-crit">
          {error}
        </p>
      )}
    </fieldset>
  )
}
