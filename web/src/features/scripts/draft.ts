/** A script as it is edited: everything as typed, and what of it is sent. */
import { type Language, type OneScript, type Parameter, type ParameterType, type System } from './scripts.ts'

export interface Draft {
  name: string
  description: string
  /** Of a new one: the id, or nothing for every organization. */
  organization: string
  language: Language
  os: readonly System[]
  content: string
  parameters: readonly ParameterDraft[]
  runAs: string
  timeout: string
  note: string
}

export interface ParameterDraft {
  /** Keeps the row while its name is typed. */
  key: number
  name: string
  type: ParameterType
  description: string
  required: boolean
  usual: string
  choices: string
  pattern: string
  minimum: string
  maximum: string
}

let keys = 0

export const emptyParameter = (): ParameterDraft => ({
  key: (keys += 1),
  name: '',
  type: 'string',
  description: '',
  required: false,
  usual: '',
  choices: '',
  pattern: '',
  minimum: '',
  maximum: '',
})

const parameterDraft = (parameter: Parameter): ParameterDraft => ({
  ...emptyParameter(),
  name: parameter.name,
  type: parameter.type,
  description: parameter.description ?? '',
  required: parameter.required ?? false,
  usual: parameter.default === undefined ? '' : String(parameter.default),
  choices: parameter.choices?.join('\n') ?? '',
  pattern: parameter.pattern ?? '',
  minimum: parameter.minimum?.toString() ?? '',
  maximum: parameter.maximum?.toString() ?? '',
})

/** `copy`: another script that begins with the same. */
export function draftOf(one: OneScript | undefined, organization: string | undefined, copy: boolean): Draft {
  if (!one) {
    const none = { name: '', description: '', content: '', runAs: '', timeout: '300', note: '' }
    return { ...none, organization: organization ?? '', language: 'bash', os: [], parameters: [] }
  }
  const { script } = one
  return {
    name: copy ? `${script.name}, copy` : script.name,
    description: script.description,
    organization: script.organization?.id ?? organization ?? '',
    language: script.language,
    os: script.os,
    content: one.content,
    parameters: script.parameters.map(parameterDraft),
    runAs: one.run_as ?? '',
    timeout: String(one.timeout_seconds),
    note: '',
  }
}

/** As `save_script` takes it; `basedOn` is of the script that is changed, and none for a new one. */
export const inputOf = (draft: Draft, changed: { script: string; basedOn: number } | null): object => ({
  ...(changed ? { script: changed.script, based_on: changed.basedOn } : organizationOf(draft)),
  name: draft.name.trim(),
  description: draft.description.trim(),
  language: draft.language,
  os: draft.os,
  content: draft.content,
  parameters: draft.parameters.map(parameterOf),
  run_as: draft.runAs.trim(),
  timeout_seconds: Number(draft.timeout),
  note: draft.note.trim(),
})

const organizationOf = ({ organization }: Draft) => (organization === '' ? {} : { organization })

/** Only what belongs to its type: the server refuses the rest. */
function parameterOf(draft: ParameterDraft): Parameter {
  const { name, type, description, required, usual } = draft
  const isText = type === 'string' || type === 'secret'
  return {
    name: name.trim(),
    type,
    ...(description.trim() !== '' && { description: description.trim() }),
    ...(required && { required }),
    ...(usual !== '' && type !== 'secret' && { default: usualOf(type, usual) }),
    ...(type === 'choice' && { choices: draft.choices.split('\n').map(trim).filter(Boolean) }),
    ...(isText && draft.pattern !== '' && { pattern: draft.pattern }),
    ...(type === 'number' && draft.minimum !== '' && { minimum: Number(draft.minimum) }),
    ...(type === 'number' && draft.maximum !== '' && { maximum: Number(draft.maximum) }),
  }
}

const trim = (text: string): string => text.trim()

function usualOf(type: ParameterType, usual: string): string | number | boolean {
  if (type === 'number') return Number(usual)
  return type === 'boolean' ? usual === 'true' : usual
}

const NAME = /^[a-z][a-z0-9_]{0,39}$/

/** Why it can not be saved yet; false where it can. */
export function missingInDraft({ name, content, parameters, timeout }: Draft): string | false {
  if (name.trim() === '') return 'Give it a name first.'
  if (content.trim() === '') return 'Its text is empty.'
  if (!/^\d+$/.test(timeout)) return 'Its time limit is a number of seconds.'
  const wrong = parameters.find((parameter) => !NAME.test(parameter.name.trim()))
  if (wrong) return 'Names of parameters are small letters, digits and _, such as max_age.'
  if (new Set(parameters.map((parameter) => parameter.name.trim())).size < parameters.length)
    return 'Two parameters have one name.'
  return false
}
