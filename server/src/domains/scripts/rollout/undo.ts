/** The script that takes a run back: which version, and with what of the run's values. */
import { invalidInput, KernelError } from '../../../kernel/errors.ts'
import type { Tx } from '../../../kernel/db.ts'
import type { Target, TransactionContext } from '../../../kernel/tool.ts'
import { type Inverse, irreversible, UNDO_WAIT_MINUTES } from '../../rollouts/kind.ts'
import { type Given, readValues, type Secrets, type Values } from '../parameters.ts'
import { type Prepared, scriptBody, unsuited, usable, valuesText } from '../prepare.ts'
import { findRun, insertRun, type RunInput } from '../service.ts'
import { SCRIPT_RUN, type ScriptTask } from './task.ts'

type Source = NonNullable<Prepared['source']>

/** Of the values of a run, those that the undo script declares. */
function valuesFor({ version }: Source, values: Values, secrets: Secrets): Given {
  const known = new Set(version.parameters.map(({ name }) => name))
  const pick = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => known.has(name)))
  return readValues(version.parameters, pick(values), pick(secrets))
}

export interface Undo {
  source: Source | null
  /** Why there is none, where one is named. */
  warning: string | null
}

/** As it would be frozen now. One that could not run is told before the run is confirmed, not when it is needed. */
export async function undoOf(tx: Tx, { source, given }: Pick<Prepared, 'source' | 'given'>): Promise<Undo> {
  if (!source || source.version.undo === null) return { source: null, warning: null }
  try {
    const undo = await usable(tx, source.version.undo, undefined)
    valuesFor(undo, given.values, given.secrets)
    return { source: undo, warning: null }
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    return { source: null, warning: `It could not be rolled back by its undo script: ${error.denial.reason}` }
  }
}

export async function scriptInverse(
  context: TransactionContext,
  operationId: string,
  secrets: Secrets,
): Promise<Inverse> {
  const { tx } = context
  const run = await findRun(tx, operationId)
  if (run.undo === null)
    throw irreversible('The script that ran has no undo script: what it did can not be taken back by Breeze.')
  const source = await usable(tx, run.undo.id, run.undo.version)
  const { script, version } = source
  const needed = version.parameters.filter(({ name, type }) => type === 'secret' && run.secretNames.includes(name))
  const missing = needed.filter(({ name }) => !Object.hasOwn(secrets, name)).map(({ name }) => name)
  if (missing.length > 0) throw invalidInput(`secrets: give ${missing.join(', ')} again; they are not kept.`)
  const given = valuesFor(source, run.values, secrets)
  const { language, content, runAs, timeoutSeconds } = version
  const undo: RunInput = {
    language,
    content,
    runAs,
    timeoutSeconds,
    script: { id: script.id, version: version.version, name: script.name },
    values: given.values,
    secretNames: given.secretNames,
    arguments: [],
    workingDirectory: null,
    concurrency: run.concurrency,
  }
  const task: ScriptTask = { waitMinutes: UNDO_WAIT_MINUTES }
  return {
    kind: SCRIPT_RUN,
    task,
    what: `run the script "${script.name}" (version ${version.version}, ${language})${valuesText(undo)}`,
    body: scriptBody(undo, given),
    waitMinutes: UNDO_WAIT_MINUTES,
    irreversible: ['What a script changes on a device is not undone by Breeze.'],
    binding: { script: script.id, version: version.digest },
    unsuited: (targets) => unsuitedOf(context, source, targets),
    async keep({ tx: own, newId, now, caller, services }, operation, organizationIds) {
      const id = newId()
      const sealedSecrets = services.scriptRollouts.seal(id, given.secrets)
      const place = { id, partnerId: caller.partnerId, organizationIds, operation, now: now() }
      await insertRun(own, { ...undo, ...place, retryOf: null, undo: null, sealedSecrets })
    },
  }
}

async function unsuitedOf(
  { tx, services }: TransactionContext,
  source: Source,
  targets: readonly Target[],
): Promise<Map<string, string>> {
  const platforms = await services.devices.platforms(
    tx,
    targets.map(({ id }) => id),
  )
  const reasons = targets.map((target) => [target.id, unsuited({ source }, target, platforms.get(target.id))] as const)
  return new Map(reasons.flatMap(([id, reason]) => (reason === undefined ? [] : [[id, reason] as const])))
}
