/** Runs of scripts, stage by stage. Secrets lie sealed beside the run until it has ended, and are opened only to be sent. */
import type { SecretBox } from '../../../keys/secret-box.ts'
import type { Tx } from '../../../kernel/db.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { TransactionContext } from '../../../kernel/tool.ts'
import type { DeviceMove, Inverse, RolloutDevice, RolloutFacts, RolloutKind } from '../../rollouts/kind.ts'
import { beginAll, observeAll, type OneCommandOptions, sendAll, type Sending } from '../../rollouts/one-command.ts'
import { environmentOf, type Secrets, secretValues } from '../parameters.ts'
import { scriptBody } from '../prepare.ts'
import { findRun, type Run } from '../service.ts'
import { type ScriptTask, scriptTask } from './task.ts'
import { scriptInverse } from './undo.ts'

declare module '../../../kernel/services.ts' {
  interface Services {
    scriptRollouts: ScriptRollouts
  }
}

const purposeOf = (run: string): string => `script_runs sealed_secrets ${run}`

export class ScriptRollouts implements RolloutKind {
  readonly tool = 'run_script'
  readonly #options: OneCommandOptions & { box: SecretBox }

  constructor(options: OneCommandOptions & { box: SecretBox }) {
    this.#options = options
  }

  /** Null where there are none. */
  seal(run: string, secrets: Secrets): Buffer | null {
    if (Object.keys(secrets).length === 0) return null
    return this.#options.box.seal(Buffer.from(JSON.stringify(secrets)), purposeOf(run))
  }

  inverse(
    context: TransactionContext,
    { operationId }: RolloutFacts,
    { secrets }: { secrets: Secrets },
  ): Promise<Inverse> {
    return scriptInverse(context, operationId, secrets)
  }

  async begin(_tx: Tx, _rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    return beginAll(devices, now)
  }

  async act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const run = await findRun(tx, rollout.operationId)
    return sendAll(tx, this.#options, rollout, devices, this.#sending(run, scriptTask.parse(rollout.task)), now)
  }

  async observe(tx: Tx, _rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    return observeAll(tx, this.#options, devices, null, now)
  }

  #sending(run: Run, { waitMinutes }: ScriptTask): Sending {
    const given = environmentOf(run.values, this.#secretsOf(run))
    return { body: scriptBody(run, given), waitMinutes, isSecret: run.secretNames.length > 0, atOnce: run.concurrency }
  }

  #secretsOf({ id, sealedSecrets, secretNames }: Run): Secrets {
    if (secretNames.length === 0) return {}
    if (sealedSecrets === null)
      throw conflict('The secret values of this run are no longer kept.', 'Run it again where it did not run.')
    return secretValues.parse(JSON.parse(this.#options.box.open(sealedSecrets, purposeOf(id)).toString()))
  }
}
