/** What the addresses of the scripts' pages hold. Never the values of parameters. */
import { LANGUAGES, type Language, type ScriptFilter, type System, SYSTEMS } from './scripts.ts'

export interface ScriptSearch {
  text?: string
  language?: Language
  os?: System
  archived?: true
  /** Of the script that is open: not the latest. */
  version?: number
}

/** What is set; what is undefined is taken out. */
export type SearchChange = { [Key in keyof ScriptSearch]: ScriptSearch[Key] | undefined }

export function readScriptSearch(search: Record<string, unknown>): ScriptSearch {
  const { text, language, os, archived, version } = search
  return clean({
    text: typeof text === 'string' ? text : undefined,
    language: LANGUAGES.find((known) => known === language),
    os: SYSTEMS.find((known) => known === os),
    archived: archived === true ? true : undefined,
    version: typeof version === 'number' && Number.isInteger(version) && version > 0 ? version : undefined,
  })
}

/** Without what says nothing, so that addresses stay short. */
export const clean = (search: SearchChange): ScriptSearch =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ''))

export function filterOf({ version: _version, ...filter }: ScriptSearch): ScriptFilter {
  return filter
}
