import type { CommandArgs, CommandOutcome, ResultData, ScriptArgs } from '@breeze/contract/agent-commands'
import type { Execution, Executor } from '../executor.ts'
import { rebootPending } from '../platform/reboot-pending.ts'
import { updateInstaller } from '../platform/update-installer.ts'
import type { UpdateInstaller, UpdateResult } from '../platform/updates/installer.ts'
import { action, type Done } from './action.ts'
import { CHANGED_BY_UPDATES, type UpdateCommandOptions } from './scan-updates.ts'

type Args = CommandArgs<'updates.install'>
type InstallExecution = Execution<'updates.install'>

/** The wait for another command, the end of what is over its time, and what is read afterwards. */
const MARGIN_MS = 1_200_000

export interface InstallUpdatesOptions extends UpdateCommandOptions {
  scripts: Executor<'script.run'>
}

export function installUpdates(options: InstallUpdatesOptions): Executor<'updates.install'> {
  const { scripts, turns, installer = updateInstaller } = options
  const executor = action<'updates.install'>({
    type: 'updates.install',
    timeoutMs: (args) => 1000 * (args.timeoutSeconds + scriptSeconds(args)) + MARGIN_MS,
    unsupported: () => Promise.resolve(undefined),
    act: (_args, signal, execution) =>
      turns.take(signal, async () => {
        const found = await installer()
        if (typeof found === 'string') throw new Error(found)
        return await carryOut(found, execution, options)
      }),
  })
  return {
    ...executor,
    async unsupported(execution) {
      const found = await installer()
      if (typeof found === 'string') return found
      for (const script of scriptsOf(execution.args)) {
        const reason = await scripts.unsupported({ ...execution, args: script })
        if (reason !== undefined) return reason
      }
      return undefined
    },
  }
}

const scriptsOf = ({ preScript, postScript }: Args): ScriptArgs[] =>
  [preScript, postScript].filter((script) => script !== undefined)
const scriptSeconds = (args: Args): number =>
  scriptsOf(args).reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds, 0)

async function carryOut(
  installer: UpdateInstaller,
  execution: InstallExecution,
  { stateDirectory, scripts }: InstallUpdatesOptions,
): Promise<Done<'updates.install'>> {
  const { args, signal, tell } = execution
  const before = await script('before', args.preScript, execution, scripts)
  if (before.failure !== undefined) {
    const results = args.updates.map(({ name }) => notAttempted(name, before.failure))
    return doneOf(results, rebootPending(), [before])
  }
  const deadline = performance.now() + args.timeoutSeconds * 1000
  const results = await installer.install(args.updates, { deadline, signal, folder: stateDirectory })
  const { posture } = await tell(CHANGED_BY_UPDATES)
  // What was begun came to its end and was told; the command all the same ends as cancelled.
  if (signal.aborted) throw new DOMException('Cancelled', 'AbortError')
  const after = await script('after', args.postScript, execution, scripts)
  return doneOf(results, posture?.data?.rebootPending.data?.pending ?? rebootPending(), [before, after])
}

interface ScriptEnd {
  text: string
  failure?: string
}

async function script(
  when: 'before' | 'after',
  args: ScriptArgs | undefined,
  { commandId, signal, reply, tell }: InstallExecution,
  scripts: Executor<'script.run'>,
): Promise<ScriptEnd> {
  if (!args) return { text: '' }
  const { outcome } = await scripts.run({ commandId, args, signal, reply, tell })
  if (signal.aborted) throw new DOMException('Ended while a script ran', 'AbortError')
  const text = `script ${when}: ${outcome.state}\n${outcome.output ?? ''}`
  return outcome.state === 'succeeded' ? { text } : { text, failure: `the script ${when} it ${endOf(outcome)}` }
}

function endOf({ state, exitCode, reason }: CommandOutcome): string {
  if (state === 'failed' && typeof exitCode === 'number') return `ended with exit code ${exitCode}`
  return `${state.replace('_', ' ')}${reason === undefined ? '' : `: ${reason}`}`
}

function notAttempted(name: string, reason = ''): UpdateResult {
  return { name, state: 'not_attempted', before: null, after: null, reason }
}

function doneOf(
  results: UpdateResult[],
  pending: boolean | null,
  scripts: readonly ScriptEnd[],
): Done<'updates.install'> {
  const data: ResultData<'updates.install'> = { results, rebootPending: pending }
  const missing = results.filter(({ state }) => state !== 'installed' && state !== 'already_installed')
  const failure = missing.length > 0 ? summary(missing, results.length) : scripts.find((end) => end.failure)?.failure
  const lines = results.map(
    ({ name, state, reason }) => `${name}: ${state}${reason === undefined ? '' : ` (${reason})`}`,
  )
  const text = [...lines, ...scripts.map((end) => end.text).filter(Boolean)].join('\n')
  return { data, text, ...(failure !== undefined && { failure }) }
}

function summary(missing: readonly UpdateResult[], total: number): string {
  const [first] = missing
  const example = first ? `; ${first.name}: ${first.reason ?? first.state}` : ''
  return `${missing.length} of ${total} updates were not installed${example}`
}
