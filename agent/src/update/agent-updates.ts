import type { CommandOutcome } from '@breeze/contract/agent-commands'
import { compareVersions } from '@breeze/contract/agent-release'
import type { HandedOver } from '../executor.ts'
import { fault } from '../faults.ts'
import { errorText, type Log } from '../log.ts'
import { AGENT_VERSION } from '../version.ts'
import type { Supervision } from './supervision.ts'
import {
  type EndedTrial,
  proved,
  readVersions,
  removeUnused,
  type Trial,
  type Versions,
  writeVersions,
} from './versions.ts'

export interface AgentUpdatesOptions {
  stateDirectory: string
  supervision: Supervision | undefined
  log: Log
}

/** The running agent's part in updates: it puts a build on trial, proves itself where it is one, and tells what became of each. */
export class AgentUpdates implements HandedOver {
  readonly #options: AgentUpdatesOptions
  /** Undefined where the file can't be believed: nothing is updated then. */
  #versions: Versions | undefined

  private constructor(options: AgentUpdatesOptions, versions: Versions | undefined) {
    this.#options = options
    this.#versions = versions
  }

  static async open(options: AgentUpdatesOptions): Promise<AgentUpdates> {
    try {
      return new AgentUpdates(options, await readVersions(options.stateDirectory))
    } catch (error) {
      options.log('versions_error', { message: errorText(error) })
      return new AgentUpdates(options, undefined)
    }
  }

  get versions(): Versions | undefined {
    return this.#versions
  }

  /** Of the process that would put the former version back; undefined where it is not there (any more). */
  get supervision(): Supervision | undefined {
    const { supervision } = this.#options
    return supervision?.pid === process.ppid ? supervision : undefined
  }

  isPending(commandId: string): boolean {
    return this.#versions?.trial?.commandId === commandId
  }

  outcome(commandId: string): CommandOutcome | undefined {
    const ended = this.#versions?.ended.find((one) => one.commandId === commandId)
    return ended && outcomeOf(ended)
  }

  /** From the next start on this build is tried. */
  async stage(trial: Trial): Promise<void> {
    if (!this.#versions) throw new Error('versions.json is damaged')
    await this.#write({ ...this.#versions, trial })
    fault('update.staged')
  }

  /** The server let this version in: a trial has succeeded. Answers the command that ordered it. */
  async welcomed(): Promise<string | undefined> {
    const { supervision, stateDirectory, log } = this.#options
    const versions = this.#versions
    if (!supervision || !versions) return undefined
    const { trial, highest } = versions
    if (trial && trial.sha256 === supervision.build) {
      await this.#write(proved(versions, trial))
      fault('trial.proved')
      log('updated', { from: trial.from, to: trial.version })
      await removeUnused(stateDirectory, proved(versions, trial))
      return trial.commandId
    }
    if (highest === null || compareVersions(AGENT_VERSION, highest) > 0)
      await this.#write({ ...versions, highest: AGENT_VERSION })
    return undefined
  }

  async #write(versions: Versions): Promise<void> {
    await writeVersions(this.#options.stateDirectory, versions)
    this.#versions = versions
  }
}

function outcomeOf({ from, version: to, reason }: EndedTrial): CommandOutcome {
  const data = { from, to, running: AGENT_VERSION }
  if (reason === null) return { state: 'succeeded', data }
  return { state: 'failed', reason: `rolled back: ${reason}`.slice(0, 500), data }
}
