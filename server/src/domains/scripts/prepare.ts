/** From what a call names (a library script, a text, an earlier run) to what devices are sent. */
import type { CommandBody, ScriptLanguage } from '@breeze/contract/agent-commands'
import type { Tx } from '../../kernel/db.ts'
import { conflict, invalidInput } from '../../kernel/errors.ts'
import type { Target } from '../../kernel/tool.ts'
import { findScript, readVersion, type Script, type ScriptVersion, type System } from './library.ts'
import { type Given, readValues, type Secrets, type Values } from './parameters.ts'
import { findRun, type Run, type RunInput } from './service.ts'

export interface Asked {
  script?: string | undefined
  version?: number | undefined
  content?: string | undefined
  language?: ScriptLanguage | undefined
  parameters?: Values | undefined
  secrets?: Secrets | undefined
  arguments?: string[] | undefined
  run_as?: string | undefined
  working_directory?: string | undefined
  timeout_seconds?: number | undefined
  concurrency?: number | undefined
  retry_of?: string | undefined
}

export interface Prepared {
  run: RunInput
  given: Given
  /** Of a library script. */
  source: { script: Script; version: ScriptVersion } | null
  retryOf: Run | null
}

const USUAL_TIMEOUT_SECONDS = 300
const ONE_SOURCE = 'Give one of script, content and retry_of.'

export async function prepare(tx: Tx, asked: Asked): Promise<Prepared> {
  const sources = [asked.script, asked.content, asked.retry_of].filter((source) => source !== undefined)
  if (sources.length !== 1) throw invalidInput(ONE_SOURCE)
  if (asked.retry_of !== undefined) return again(tx, asked, asked.retry_of)
  if (asked.script !== undefined) return ofLibrary(tx, asked, asked.script)
  if (asked.version !== undefined) throw invalidInput('version: belongs to a script of the library.')
  const given = readValues(null, asked.parameters ?? {}, asked.secrets ?? {})
  const { content = '', language = 'bash' } = asked
  return {
    run: { ...how(asked), language, content, script: null, ...toldOf(given) },
    given,
    source: null,
    retryOf: null,
  }
}

async function ofLibrary(tx: Tx, asked: Asked, reference: string): Promise<Prepared> {
  if (asked.language !== undefined) throw invalidInput('language: a script of the library has its own.')
  const source = await usable(tx, reference, asked.version)
  const { script, version } = source
  const given = readValues(version.parameters, asked.parameters ?? {}, asked.secrets ?? {})
  const usual = { runAs: version.runAs, timeoutSeconds: version.timeoutSeconds }
  const named = { id: script.id, version: version.version, name: script.name }
  const { language, content } = version
  return {
    run: { ...how(asked, usual), language, content, script: named, ...toldOf(given) },
    given,
    source,
    retryOf: null,
  }
}

/** The same of the same version; secrets have to be given again, since nobody kept them. */
async function again(tx: Tx, asked: Asked, reference: string): Promise<Prepared> {
  const { version, language, parameters, run_as: runAs, working_directory: folder } = asked
  if ([version, language, parameters, asked.arguments, runAs, folder].some((field) => field !== undefined))
    throw invalidInput('retry_of: runs the same again.', 'Give only secrets, timeout_seconds, concurrency beside it.')
  const retryOf = await findRun(tx, reference)
  const secrets = asked.secrets ?? {}
  const missing = retryOf.secretNames.filter((name) => !Object.hasOwn(secrets, name))
  if (missing.length > 0) throw invalidInput(`secrets: give ${missing.join(', ')} again; they are not kept.`)
  const source = retryOf.script ? await usable(tx, retryOf.script.id, retryOf.script.version) : null
  const given = readValues(source?.version.parameters ?? null, retryOf.values, secrets)
  const { id: _id, operation: _operation, sealedSecrets: _sealed, undo: _undo, ...before } = retryOf
  const { concurrency, timeout_seconds: timeout } = asked
  return {
    run: {
      ...before,
      ...toldOf(given),
      concurrency: concurrency ?? before.concurrency,
      timeoutSeconds: timeout ?? before.timeoutSeconds,
    },
    given,
    source,
    retryOf,
  }
}

export async function usable(tx: Tx, reference: string, wanted: number | undefined) {
  const script = await findScript(tx, reference)
  if (script.archivedAt !== null)
    throw conflict(`The script "${script.name}" is archived.`, 'Restore it with archive_script, or choose another.')
  return { script, version: await readVersion(tx, script, wanted) }
}

const how = (asked: Asked, usual: { runAs: string | null; timeoutSeconds: number } | null = null) => ({
  arguments: asked.arguments ?? [],
  runAs: asked.run_as ?? usual?.runAs ?? null,
  workingDirectory: asked.working_directory ?? null,
  timeoutSeconds: asked.timeout_seconds ?? usual?.timeoutSeconds ?? USUAL_TIMEOUT_SECONDS,
  concurrency: asked.concurrency ?? null,
})

const toldOf = ({ values, secretNames }: Given) => ({ values, secretNames })

export const bodyOf = ({ run, given }: Prepared): CommandBody => scriptBody(run, given)

export function scriptBody(
  run: RunInput,
  { environment, secretVariables }: Pick<Given, 'environment' | 'secretVariables'>,
): CommandBody {
  return {
    type: 'script.run',
    args: {
      language: run.language,
      content: run.content,
      arguments: run.arguments,
      timeoutSeconds: run.timeoutSeconds,
      ...(run.runAs !== null && { runAs: run.runAs }),
      ...(run.workingDirectory !== null && { workingDirectory: run.workingDirectory }),
      ...(Object.keys(environment).length > 0 && { environment }),
      ...(secretVariables.length > 0 && { secrets: secretVariables }),
    },
  }
}

/** Why a device is not one for this script, in the server's own words. */
export function unsuited(
  { source }: Pick<Prepared, 'source'>,
  target: Target,
  platform: System | undefined,
): string | undefined {
  if (!source) return undefined
  const { script, version } = source
  if (script.organizationId !== null && script.organizationId !== target.organizationId)
    return `the script belongs to ${script.organizationName ?? 'another organization'}`
  if (version.os.length === 0 || version.os.some((os) => os === platform)) return undefined
  return `the script is for ${version.os.join(' and ')}`
}

const SHOWN_VALUES = 6
const SHOWN_CHARACTERS = 60

/** `with days=3, pin=[masked]`; empty without parameters. */
export function valuesText({ values, secretNames }: RunInput): string {
  const told = [
    ...Object.entries(values).map(([name, value]) => `${name}=${JSON.stringify(value).slice(0, SHOWN_CHARACTERS)}`),
    ...secretNames.map((name) => `${name}=[masked]`),
  ]
  if (told.length === 0) return ''
  const more = told.length - SHOWN_VALUES
  return `, with ${told.slice(0, SHOWN_VALUES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
