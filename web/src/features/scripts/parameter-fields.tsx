import { SelectField, TextField } from '../../ui/text-field.tsx'
import { limitsOf } from './parameter-list.tsx'
import type { Parameter } from './scripts.ts'

/** As typed; what is empty is not given. */
export type Typed = Readonly<Record<string, string>>

interface ParameterFieldsProps {
  parameters: readonly Parameter[]
  typed: Typed
  onType: (name: string, value: string) => void
}

export const ParameterFields = ({ parameters, typed, onType }: ParameterFieldsProps) =>
  parameters.map((parameter) => (
    <ParameterField
      key={parameter.name}
      parameter={parameter}
      value={typed[parameter.name] ?? ''}
      onChange={(value) => onType(parameter.name, value)}
    />
  ))

interface ParameterFieldProps {
  parameter: Parameter
  value: string
  onChange: (value: string) => void
}

function ParameterField({ parameter, value, onChange }: ParameterFieldProps) {
  const { name, type, description, required = false } = parameter
  const hint = [description, limitsOf(parameter)].filter(Boolean).join(' · ')
  const common = {
    label: `${name}${required ? '' : ', optional'}`,
    required,
    value,
    ...(hint !== '' && { hint }),
  }
  if (type === 'boolean' || type === 'choice') {
    const choices = type === 'boolean' ? ['true', 'false'] : (parameter.choices ?? [])
    return (
      <SelectField {...common} onChange={({ target }) => onChange(target.value)}>
        <option value="">
          {parameter.default === undefined ? 'Not given' : `As it is: ${String(parameter.default)}`}
        </option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {type === 'boolean' ? { true: 'Yes', false: 'No' }[choice] : choice}
          </option>
        ))}
      </SelectField>
    )
  }
  return (
    <TextField
      {...common}
      // A browser keeps no new password unasked, and fills in none.
      type={type === 'secret' ? 'password' : 'text'}
      autoComplete={type === 'secret' ? 'new-password' : 'off'}
      inputMode={type === 'number' ? 'decimal' : undefined}
      maxLength={parameter.max_length ?? 4000}
      placeholder={parameter.default === undefined ? undefined : String(parameter.default)}
      onChange={({ target }) => onChange(target.value)}
    />
  )
}

/** Why it can not run yet; false where it can. The server judges the values. */
export function missingParameter(parameters: readonly Parameter[], typed: Typed): string | false {
  const missing = parameters.find(
    ({ name, required, default: usual }) => required && usual === undefined && !typed[name],
  )
  const wrong = parameters.find(
    ({ name, type }) => type === 'number' && typed[name] && Number.isNaN(Number(typed[name])),
  )
  if (wrong) return `${wrong.name} takes a number.`
  return missing ? `Fill in ${missing.name} first.` : false
}

/** The values as `run_script` takes them: secrets apart from the others. */
export function valuesOf(parameters: readonly Parameter[], typed: Typed) {
  const given = parameters.filter(({ name }) => typed[name])
  const secrets = given.filter(({ type }) => type === 'secret').map(({ name }) => [name, typed[name] ?? ''] as const)
  const values = given
    .filter(({ type }) => type !== 'secret')
    .map(({ name, type }) => [name, valueOf(type, typed[name] ?? '')] as const)
  return {
    ...(values.length > 0 && { parameters: Object.fromEntries(values) }),
    ...(secrets.length > 0 && { secrets: Object.fromEntries(secrets) }),
  }
}

function valueOf(type: Parameter['type'], typed: string): string | number | boolean {
  if (type === 'number') return Number(typed)
  return type === 'boolean' ? typed === 'true' : typed
}
