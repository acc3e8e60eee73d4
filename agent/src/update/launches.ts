/** Which build the supervisor starts: the newest that proved itself, or one on trial, for as long as that goes well. */
import { compareVersions } from '@breeze/contract/agent-release'
import { fault } from '../faults.ts'
import { errorText } from '../log.ts'
import { bundleCommand, isIntact } from './bundle.ts'
import { supervisionText } from './supervision.ts'
import {
  bundlePath,
  readVersions,
  removeUnused,
  rolledBack,
  type Trial,
  type Versions,
  writeVersions,
} from './versions.ts'

export interface Launch {
  command: readonly [string, ...string[]]
  /** Beside the supervisor's own. */
  env: Readonly<Record<string, string>>
  /** How long it may take until the server lets it in; null: it has nothing to prove. */
  probationMs: number | null
}

/** How the last run ended. */
export interface RunEnd {
  end: string
  /** By the supervisor, because its probation was over. */
  outOfTime: boolean
}

export interface Launches {
  next(last: RunEnd | null): Promise<Launch>
  /** What runs has not proved itself yet. */
  isOnTrial(): Promise<boolean>
}

export interface BuildLaunchesOptions {
  stateDirectory: string
  /** The installed program. */
  program: readonly [string, ...string[]]
  version: string
  /** Of the agent. */
  argv: readonly string[]
  say(event: string, fields: Record<string, string | number>): void
}

/** One that ends so often before the server lets it in is put away. */
const MOST_STARTS = 3

export class BuildLaunches implements Launches {
  readonly #options: BuildLaunchesOptions

  constructor(options: BuildLaunchesOptions) {
    this.#options = options
  }

  async next(last: RunEnd | null): Promise<Launch> {
    try {
      return await this.#next(last)
    } catch (error) {
      // A damaged file or a full disk: the installed program runs whatever happens.
      this.#options.say('versions_error', { message: errorText(error) })
      return this.#program()
    }
  }

  async isOnTrial(): Promise<boolean> {
    return (await readVersions(this.#options.stateDirectory)).trial !== null
  }

  async #next(last: RunEnd | null): Promise<Launch> {
    const { stateDirectory, say } = this.#options
    let versions = await readVersions(stateDirectory)
    const { trial } = versions
    if (trial) {
      const reason = await this.#failure(trial, last)
      if (reason === null) return await this.#startTrial(versions, trial)
      versions = rolledBack(versions, trial, reason)
      await writeVersions(stateDirectory, versions)
      fault('trial.rolled_back')
      say('rolled_back', { version: trial.version, reason })
      await removeUnused(stateDirectory, versions)
    }
    return await this.#proven(versions)
  }

  async #startTrial(versions: Versions, trial: Trial): Promise<Launch> {
    const { stateDirectory, say } = this.#options
    const starts = trial.starts + 1
    // Before it runs, so that one that takes the machine down with it is counted too.
    await writeVersions(stateDirectory, { ...versions, trial: { ...trial, starts } })
    fault('trial.counted')
    say('trial_started', { version: trial.version, starts })
    return this.#build(trial.sha256, trial.probationSeconds * 1000)
  }

  async #failure({ version, sha256, starts, probationSeconds }: Trial, last: RunEnd | null): Promise<string | null> {
    if (compareVersions(version, this.#options.version) <= 0)
      return `${this.#options.version} was installed on the machine meanwhile`
    if (!(await isIntact(bundlePath(this.#options.stateDirectory, sha256), sha256)))
      return 'the build on the disk is not the one that was fetched'
    if (last?.outOfTime) return `the server did not let it in within ${probationSeconds} s`
    if (starts < MOST_STARTS) return null
    return `it ended ${starts} times before the server let it in${last ? `, at last with ${last.end}` : ''}`
  }

  async #proven({ current }: Versions): Promise<Launch> {
    const { stateDirectory, version, say } = this.#options
    // Somebody may have installed a newer program since.
    if (!current || compareVersions(current.version, version) <= 0) return this.#program()
    if (await isIntact(bundlePath(stateDirectory, current.sha256), current.sha256))
      return this.#build(current.sha256, null)
    say('build_damaged', { version: current.version })
    return this.#program()
  }

  #build(sha256: string, probationMs: number | null): Launch {
    const { stateDirectory, argv } = this.#options
    const command = bundleCommand(bundlePath(stateDirectory, sha256), argv)
    return { command, env: supervisionText(sha256), probationMs }
  }

  #program(): Launch {
    const [program, ...rest] = this.#options.program
    return { command: [program, ...rest, ...this.#options.argv], env: supervisionText(null), probationMs: null }
  }
}
