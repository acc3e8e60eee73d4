/**
 * What a script asks of whoever runs it. Values reach it as variables of its environment, named `PARAM_` and the parameter's
 * name in capitals; they are never put into its text. Values of secret parameters come apart from the others, in an input
 * that is masked as a whole wherever inputs are written down.
 */
import vm from 'node:vm'
import { z } from 'zod'
import { invalidInput, KernelError } from '../../kernel/errors.ts'

export const PARAMETER_TYPES = ['string', 'number', 'boolean', 'choice', 'secret'] as const
export const MOST_PARAMETERS = 30
const LONGEST_VALUE = 4000
/** An expression is tried on no more than this, and no longer than that. */
const LONGEST_MATCHED = 1000
const MATCH_MS = 50
/** Of an environment on Windows, less what is there already. */
const MOST_CHARACTERS = 30_000

const NAME = /^[a-z][a-z0-9_]{0,39}$/
export const parameterName = z.string().regex(NAME, 'must be small letters, digits and _, such as max_age')
const value = z.union([z.string().max(LONGEST_VALUE), z.number(), z.boolean()])

const oneParameter = z.strictObject({
  name: parameterName,
  type: z.enum(PARAMETER_TYPES),
  description: z.string().max(500).optional(),
  required: z.boolean().optional(),
  default: value.optional().describe('Not of a secret.'),
  choices: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
  pattern: z.string().min(1).max(500).optional().describe('string, secret: must match as a whole.'),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  max_length: z.number().int().min(1).max(LONGEST_VALUE).optional(),
})
export type Parameter = z.output<typeof oneParameter>

export const parameterList = z
  .array(oneParameter)
  .max(MOST_PARAMETERS)
  .superRefine((parameters, context) => {
    const names = new Set<string>()
    for (const [index, parameter] of parameters.entries()) {
      const wrong = names.has(parameter.name) ? 'is there twice' : faultOf(parameter)
      if (wrong) context.addIssue({ code: 'custom', path: [index, parameter.name], message: wrong })
      names.add(parameter.name)
    }
  })

export const parameterValues = z.record(parameterName, value)
export const secretValues = z.record(parameterName, z.string().min(1).max(LONGEST_VALUE))
export type Values = z.output<typeof parameterValues>
export type Secrets = z.output<typeof secretValues>

/** What is wrong with a parameter as it is declared. */
function faultOf(parameter: Parameter): string | undefined {
  const { type, choices, pattern, minimum, maximum } = parameter
  const isText = type === 'string' || type === 'secret'
  if ((type === 'choice') !== (choices !== undefined)) return 'choices belong to a choice, and it needs them'
  if (!isText && (pattern !== undefined || parameter.max_length !== undefined))
    return 'pattern and max_length belong to a string or a secret'
  if (type !== 'number' && (minimum !== undefined || maximum !== undefined))
    return 'minimum and maximum belong to a number'
  if (pattern !== undefined && !isExpression(pattern)) return 'its pattern is no regular expression'
  if (parameter.default === undefined) return undefined
  if (type === 'secret') return 'a secret has no default: it would lie open in the library'
  return refusalOf(parameter, parameter.default)
}

export interface Given {
  /** For the script's environment. */
  environment: Record<string, string>
  /** Names of secret variables in it. */
  secretVariables: string[]
  /** What may be written down of it: the values that are no secrets, defaults included. */
  values: Values
  secrets: Secrets
  secretNames: string[]
}

/** Of values that were read before: as they reach the script. */
export function environmentOf(values: Values, secrets: Secrets): Pick<Given, 'environment' | 'secretVariables'> {
  const entries = [...Object.entries(values), ...Object.entries(secrets)]
  return {
    environment: Object.fromEntries(entries.map(([name, item]) => [variableOf(name), String(item)])),
    secretVariables: Object.keys(secrets).map(variableOf),
  }
}

export const variableOf = (name: string): string => `PARAM_${name.toUpperCase()}`

/** Of a library script: exactly what it declares. `declared` null: inline text, which takes what it is given. */
export function readValues(declared: readonly Parameter[] | null, values: Values, secrets: Secrets): Given {
  const twice = Object.keys(values).find((name) => Object.hasOwn(secrets, name))
  if (twice !== undefined) throw invalidInput(`${twice}: is in parameters and in secrets.`)
  const all = declared === null ? { values, secrets } : declaredValues(declared, values, secrets)
  const entries = [...Object.entries(all.values), ...Object.entries(all.secrets)]
  if (entries.length > MOST_PARAMETERS) throw invalidInput(`parameters: at most ${MOST_PARAMETERS}.`)
  const { environment, secretVariables } = environmentOf(all.values, all.secrets)
  if (Object.entries(environment).reduce((sum, [name, item]) => sum + name.length + item.length, 0) > MOST_CHARACTERS)
    throw invalidInput(`parameters: more than ${MOST_CHARACTERS} characters in all.`)
  return { environment, secretVariables, ...all, secretNames: Object.keys(all.secrets) }
}

function declaredValues(declared: readonly Parameter[], values: Values, secrets: Secrets) {
  const known = new Map(declared.map((parameter) => [parameter.name, parameter]))
  for (const name of [...Object.keys(values), ...Object.keys(secrets)]) {
    if (!known.has(name)) throw invalidInput(`${name}: the script has no such parameter.`, listed(declared))
  }
  const wrongPlace = Object.keys(values).find((name) => known.get(name)?.type === 'secret')
  if (wrongPlace !== undefined) throw isSecret(wrongPlace, String(values[wrongPlace]))
  const plain: Values = {}
  const hidden: Secrets = {}
  for (const parameter of declared) {
    const { name } = parameter
    const isHidden = Object.hasOwn(secrets, name)
    const given = isHidden ? secrets[name] : Object.hasOwn(values, name) ? values[name] : parameter.default
    if (given === undefined) {
      if (parameter.required) throw invalidInput(`${name}: the script needs it.`, listed(declared))
      continue
    }
    const refusal = refusalOf(parameter, given)
    if (refusal !== undefined) throw invalidInput(`${name}: ${refusal}.`)
    if (isHidden) hidden[name] = String(given)
    else plain[name] = given
  }
  return { values: plain, secrets: hidden }
}

const isSecret = (name: string, value: string): KernelError =>
  new KernelError(
    { code: 'invalid_input', reason: `${name}: is a secret.`, remedy: 'Give it in secrets, where it is masked.' },
    { concealed: [value] },
  )

const listed = (declared: readonly Parameter[]): string =>
  declared.length === 0
    ? 'It has no parameters.'
    : `Its parameters: ${declared.map(({ name, type, required }) => `${name} (${type}${required ? ', required' : ''})`).join(', ')}.`

/** Never repeats the value. */
function refusalOf(parameter: Parameter, given: string | number | boolean): string | undefined {
  const { type, choices = [], minimum = -Infinity, maximum = Infinity, pattern, max_length = LONGEST_VALUE } = parameter
  switch (type) {
    case 'number': {
      const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given
      if (typeof number !== 'number' || !Number.isFinite(number)) return 'must be a number'
      return number < minimum || number > maximum ? `must be between ${minimum} and ${maximum}` : undefined
    }
    case 'boolean':
      return given === true || given === false || given === 'true' || given === 'false'
        ? undefined
        : 'must be true or false'
    case 'choice':
      return choices.includes(String(given)) ? undefined : `must be one of ${choices.join(', ')}`
    default:
      if (typeof given !== 'string') return 'must be text'
      if (given.length > max_length) return `must have at most ${max_length} characters`
      return pattern === undefined || matches(pattern, given) ? undefined : `must match ${pattern}`
  }
}

function isExpression(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp
  } catch {
    // Whatever is wrong with it, it is none.
    return false
  }
}

/** The expression is somebody's own: one that would try for ever counts as not matching. */
function matches(pattern: string, text: string): boolean {
  if (text.length > LONGEST_MATCHED) return false
  try {
    const found: unknown = vm.runInNewContext(
      "new RegExp('^(?:' + pattern + ')$', 'u').test(text)",
      { pattern, text },
      { timeout: MATCH_MS },
    )
    return found === true
  } catch {
    return false
  }
}
