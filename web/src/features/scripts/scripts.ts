/** What the pages know of scripts: the shapes of the tools' answers. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList } from '../../app/tool-queries.ts'

export const LANGUAGES = ['bash', 'sh', 'python', 'powershell', 'cmd'] as const
export type Language = (typeof LANGUAGES)[number]
export const LANGUAGE_WORDS: Readonly<Record<Language, string>> = {
  bash: 'Bash',
  sh: 'sh',
  python: 'Python',
  powershell: 'PowerShell',
  cmd: 'cmd',
}

export const SYSTEMS = ['linux', 'windows', 'macos'] as const
export type System = (typeof SYSTEMS)[number]
export const SYSTEM_WORDS: Readonly<Record<System, string>> = { linux: 'Linux', windows: 'Windows', macos: 'macOS' }

export const PARAMETER_TYPES = ['string', 'number', 'boolean', 'choice', 'secret'] as const
export type ParameterType = (typeof PARAMETER_TYPES)[number]
export const TYPE_WORDS: Readonly<Record<ParameterType, string>> = {
  string: 'Text',
  number: 'Number',
  boolean: 'Yes or no',
  choice: 'Choice',
  secret: 'Secret',
}

export interface Parameter {
  name: string
  type: ParameterType
  description?: string
  required?: boolean
  default?: string | number | boolean
  choices?: string[]
  pattern?: string
  minimum?: number
  maximum?: number
  max_length?: number
}

export interface Script {
  id: string
  name: string
  description: string
  organization: { id: string; name: string } | null
  language: Language
  os: System[]
  version: number
  parameters: Parameter[]
  built_in: boolean
  archived: boolean
  updated_at: string
}

export interface ScriptPage extends ListPage {
  scripts: Script[]
}

export interface ScriptVersion {
  version: number
  digest: string
  note: string
  saved_at: string
  saved_by: string | null
}

export interface ScriptRun {
  run: string
  version: number | null
  started_at: string
  state: string
  counts: Record<string, number>
}

export interface WholeScript extends ScriptPage {
  content: string
  run_as: string | null
  timeout_seconds: number
  digest: string
  /** The script that takes back a run of this one, where it went in stages. */
  undo?: string
  versions: ScriptVersion[]
  runs: ScriptRun[]
}

/** Tools whose answers are other ones once a script changed or ran. */
export const SCRIPT_TOOLS = ['list_scripts'] as const

export interface ScriptFilter {
  text?: string
  language?: Language
  os?: System
  archived?: true
}

export const scriptList = (filter: ScriptFilter) => toolList<ScriptPage>('list_scripts', filter)

/** One with its text, versions and last runs. `version`: that one instead of the latest. */
export const wholeScript = (script: string, version?: number) =>
  queryOptions({
    queryKey: ['list_scripts', 'one', script, version],
    queryFn: async () => {
      const found = await api.tool<WholeScript>('list_scripts', { script, ...(version !== undefined && { version }) })
      const [listed] = found.scripts
      return listed && { ...found, script: listed }
    },
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  })
export type OneScript = WholeScript & { script: Script }

/** An empty list is any. */
export const systemsOf = ({ os }: Pick<Script, 'os'>): string =>
  os.length === 0 ? 'Any system' : os.map((system) => SYSTEM_WORDS[system]).join(', ')

export const placeOf = ({ organization, built_in: builtIn }: Script): string =>
  builtIn ? 'Comes with Breeze' : (organization?.name ?? 'Every organization')
