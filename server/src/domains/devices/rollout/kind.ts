/** Actions on devices, stage by stage: a restart counts when the device is back. */
import { z } from 'zod'
import type { Tx } from '../../../kernel/db.ts'
import { SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import type { DeviceMove, RolloutDevice, RolloutFacts, RolloutKind } from '../../rollouts/kind.ts'
import { beginAll, observeAll, type OneCommandOptions, sendAll } from '../../rollouts/one-command.ts'
import { actionTask, bodyOf } from './action.ts'

export const DEVICE_ACTION = 'device_actions'

const stagedAction = actionTask.extend({ waitMinutes: z.number().default(SHORT_WAIT_MINUTES) })

export class DeviceActionRollouts implements RolloutKind {
  readonly tool = 'device_actions'
  readonly #options: OneCommandOptions

  constructor(options: OneCommandOptions) {
    this.#options = options
  }

  actionOf({ task }: Pick<RolloutFacts, 'task'>): string {
    return stagedAction.parse(task).action
  }

  async begin(_tx: Tx, _rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    return beginAll(devices, now)
  }

  async act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = stagedAction.parse(rollout.task)
    const body = bodyOf(task)
    if (!body) throw new Error(`${task.action} has no stages`)
    return sendAll(tx, this.#options, rollout, devices, { body, waitMinutes: task.waitMinutes }, now)
  }

  async observe(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const { action, delay_seconds } = stagedAction.parse(rollout.task)
    return observeAll(tx, this.#options, devices, action === 'reboot' ? delay_seconds : null, now)
  }
}
