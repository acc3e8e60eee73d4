/** Actions on devices, stage by stage: a restart counts when the device is back. */
import { z } from 'zod'
import type { Tx } from '../../../kernel/db.ts'
import type { TransactionContext } from '../../../kernel/tool.ts'
import { SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import {
  type DeviceMove,
  type Inverse,
  irreversible,
  type RolloutDevice,
  type RolloutFacts,
  type RolloutKind,
  UNDO_WAIT_MINUTES,
} from '../../rollouts/kind.ts'
import { beginAll, observeAll, type OneCommandOptions, sendAll } from '../../rollouts/one-command.ts'
import { type ActionTask, actionTask, bodyOf } from './action.ts'

export const DEVICE_ACTION = 'device_actions'

const stagedAction = actionTask.extend({ waitMinutes: z.number().default(SHORT_WAIT_MINUTES) })

const NO_INVERSE: Partial<Record<ActionTask['action'], string>> = {
  reboot: 'A restart has no inverse: it has happened.',
  shutdown: 'Nothing switches on what was shut down but a wake-up packet, where it is heard: device_actions wake.',
  lock: 'A locked session is unlocked by its user, at the device.',
  release: 'A release has no inverse: isolate the devices again.',
}

export class DeviceActionRollouts implements RolloutKind {
  readonly tool = 'device_actions'
  readonly #options: OneCommandOptions

  constructor(options: OneCommandOptions) {
    this.#options = options
  }

  actionOf({ task }: Pick<RolloutFacts, 'task'>): string {
    return stagedAction.parse(task).action
  }

  /** Of an isolation only. */
  async inverse(_context: TransactionContext, { task }: RolloutFacts): Promise<Inverse> {
    const { action } = stagedAction.parse(task)
    if (action !== 'isolate') throw irreversible(NO_INVERSE[action] ?? `${action} has no inverse.`)
    const release = stagedAction.parse({ action: 'release', waitMinutes: UNDO_WAIT_MINUTES })
    return {
      kind: DEVICE_ACTION,
      task: release,
      what: 'release',
      body: { type: 'network.release', args: {} },
      waitMinutes: UNDO_WAIT_MINUTES,
      irreversible: [],
      binding: {},
      unsuited: async () => new Map(),
      keep: async () => undefined,
    }
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
