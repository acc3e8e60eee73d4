import { Tag } from '../../ui/tag.tsx'
import { type Parameter, TYPE_WORDS } from './scripts.ts'

/** What a script asks of whoever runs it. */
export function ParameterList({ parameters }: { parameters: readonly Parameter[] }) {
  if (parameters.length === 0) return <p className="text-text-3">It takes none.</p>
  return (
    <ul className="flex flex-col gap-2">
      {parameters.map((parameter) => (
        <li key={parameter.name}>
          <span className="flex flex-wrap items-center gap-2">
            <code className="font-medium">{parameter.name}</code>
            <Tag>{TYPE_WORDS[parameter.type]}</Tag>
            {parameter.required && <Tag>required</Tag>}
            <span className="text-12 text-text-3">
              {[choicesOf(parameter), limitsOf(parameter)].filter(Boolean).join(', ')}
            </span>
          </span>
          {parameter.description !== undefined && <p className="text-text-2">{parameter.description}</p>}
        </li>
      ))}
    </ul>
  )
}

const choicesOf = ({ choices }: Parameter): string => (choices ? `one of ${choices.join(', ')}` : '')

/** What the value may be where no list of choices shows it, and what it is unless given. */
export function limitsOf(parameter: Parameter): string {
  const { pattern, minimum, maximum, max_length: longest } = parameter
  const parts = [
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `up to ${maximum}`,
    longest !== undefined && `at most ${longest} characters`,
    pattern !== undefined && `matching ${pattern}`,
    parameter.default !== undefined && `${String(parameter.default)} unless given`,
  ]
  return parts.filter((part) => part !== false).join(', ')
}
