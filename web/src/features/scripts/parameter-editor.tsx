import { Plus, Trash2 } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { Checkbox } from '../../ui/checkbox.tsx'
import { SelectField, TextArea, TextField } from '../../ui/text-field.tsx'
import { emptyParameter, type ParameterDraft } from './draft.ts'
import { PARAMETER_TYPES, TYPE_WORDS } from './scripts.ts'

interface ParameterEditorProps {
  parameters: readonly ParameterDraft[]
  onChange: (parameters: readonly ParameterDraft[]) => void
}

export function ParameterEditor({ parameters, onChange }: ParameterEditorProps) {
  const change = (key: number, changed: Partial<ParameterDraft>) =>
    onChange(parameters.map((parameter) => (parameter.key === key ? { ...parameter, ...changed } : parameter)))
  return (
    <fieldset className="flex flex-col gap-3">
      <legend className="mb-1.5 font-medium">Parameters</legend>
      {parameters.length === 0 && (
        <p className="text-12 text-text-3">
          None. The script finds each as a variable: PARAM_ and its name in capitals.
        </p>
      )}
      {parameters.map((parameter, index) => (
        <OneParameter
          key={parameter.key}
          parameter={parameter}
          place={index + 1}
          onChange={(changed) => change(parameter.key, changed)}
          onRemove={() => onChange(parameters.filter(({ key }) => key !== parameter.key))}
        />
      ))}
      <div>
        <Button size="sm" onClick={() => onChange([...parameters, emptyParameter()])}>
          <Plus className="size-3.5" strokeWidth={1.6} aria-hidden="true" />
          Add a parameter
        </Button>
      </div>
    </fieldset>
  )
}

interface OneParameterProps {
  parameter: ParameterDraft
  place: number
  onChange: (changed: Partial<ParameterDraft>) => void
  onRemove: () => void
}

function OneParameter({ parameter, place, onChange, onRemove }: OneParameterProps) {
  const { name, type } = parameter
  return (
    <div
      role="group"
      aria-label={name === '' ? `Parameter ${place}` : `Parameter ${name}`}
      className="flex flex-col gap-3 border-l-2 border-line-strong pl-3"
    >
      <div className="flex items-end gap-2">
        <TextField
          className="grow"
          label="Name"
          autoComplete="off"
          autoFocus={name === ''}
          maxLength={40}
          hint={name === '' ? undefined : <code>PARAM_{name.toUpperCase()}</code>}
          value={name}
          onChange={({ target }) => onChange({ name: target.value })}
        />
        <SelectField
          className="w-32 shrink-0 self-start"
          label="Type"
          value={type}
          onChange={({ target }) =>
            onChange({ type: PARAMETER_TYPES.find((known) => known === target.value) ?? 'string', usual: '' })
          }
        >
          {PARAMETER_TYPES.map((known) => (
            <option key={known} value={known}>
              {TYPE_WORDS[known]}
            </option>
          ))}
        </SelectField>
        <Button
          variant="ghost"
          icon
          className="mt-5.5 self-start"
          aria-label={`Remove parameter ${name || place}`}
          onClick={onRemove}
        >
          <Trash2 className="size-4" strokeWidth={1.6} />
        </Button>
      </div>
      <TextField
        label="What it is for"
        maxLength={500}
        value={parameter.description}
        onChange={({ target }) => onChange({ description: target.value })}
      />
      <Limits parameter={parameter} onChange={onChange} />
      <Checkbox
        label="Required"
        checked={parameter.required}
        onChange={({ target }) => onChange({ required: target.checked })}
      />
    </div>
  )
}

/** What the value may be: other fields for each type. */
function Limits({ parameter, onChange }: Pick<OneParameterProps, 'parameter' | 'onChange'>) {
  const { type } = parameter
  if (type === 'secret')
    return <p className="text-12 text-text-3">Typed anew for each run, masked everywhere, and without a default.</p>
  return (
    <div className="grid grid-cols-2 gap-3 max-sm:grid-cols-1">
      {type === 'choice' && (
        <TextArea
          className="col-span-full"
          label="Choices, one a line"
          rows={3}
          value={parameter.choices}
          onChange={({ target }) => onChange({ choices: target.value })}
        />
      )}
      {type === 'number' && (
        <>
          <TextField
            label="From"
            inputMode="decimal"
            value={parameter.minimum}
            onChange={({ target }) => onChange({ minimum: target.value })}
          />
          <TextField
            label="Up to"
            inputMode="decimal"
            value={parameter.maximum}
            onChange={({ target }) => onChange({ maximum: target.value })}
          />
        </>
      )}
      {type === 'string' && (
        <TextField
          label="Matches, a regular expression"
          value={parameter.pattern}
          onChange={({ target }) => onChange({ pattern: target.value })}
        />
      )}
      <Usual parameter={parameter} onChange={onChange} />
    </div>
  )
}

function Usual({ parameter: { type, usual }, onChange }: Pick<OneParameterProps, 'parameter' | 'onChange'>) {
  if (type === 'boolean')
    return (
      <SelectField label="Unless given" value={usual} onChange={({ target }) => onChange({ usual: target.value })}>
        <option value="">Nothing</option>
        <option value="true">Yes</option>
        <option value="false">No</option>
      </SelectField>
    )
  return <TextField label="Unless given" value={usual} onChange={({ target }) => onChange({ usual: target.value })} />
}
