/** Updates of agents as the rollout guard carries them out. */
import type { Tx } from '../../kernel/db.ts'
import type { Commands } from '../commands/service.ts'
import { agentVersions } from '../devices/agent-versions.ts'
import type { DeviceMove, RolloutDevice, RolloutFacts, RolloutKind } from '../rollouts/kind.ts'
import { beginAll } from '../rollouts/one-command.ts'
import { follow } from './device-machine.ts'
import type { AgentReleases } from './releases.ts'
import { updateDetail, type UpdateTask, updateTask } from './task.ts'

export const AGENT_UPDATE = 'agent_updates'
/** An order that is not taken on by then is sent anew. */
const TAKEN_ON_MS = 15 * 60_000

export interface AgentUpdatesOptions {
  commands: Commands
  releases: AgentReleases
  newId(): string
}

export class AgentUpdates implements RolloutKind {
  readonly tool = 'update_agents'
  readonly #options: AgentUpdatesOptions

  constructor(options: AgentUpdatesOptions) {
    this.#options = options
  }

  async begin(_tx: Tx, _rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    return beginAll(devices, now)
  }

  async act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = updateTask.parse(rollout.task)
    const versions = await agentVersions(
      tx,
      devices.map(({ id }) => id),
    )
    const isDone = ({ id }: RolloutDevice) => versions.get(id) === task.version
    const done = devices.filter(isDone).map(({ id }) => passedOver(id, `it runs ${task.version} already`))
    return [
      ...done,
      ...(await this.#send(
        tx,
        rollout,
        task,
        devices.filter((device) => !isDone(device)),
        now,
      )),
    ]
  }

  async observe(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = updateTask.parse(rollout.task)
    const ids = devices.flatMap(({ commandId }) => commandId ?? [])
    const ended = new Map((await this.#options.commands.ended(tx, ids)).map((command) => [command.id, command]))
    const versions = await agentVersions(
      tx,
      devices.map(({ id }) => id),
    )
    return devices.flatMap((device): DeviceMove[] => {
      const detail = updateDetail.parse(device.detail)
      const work = { phase: device.phase, phaseSince: device.phaseSince ?? now, tries: detail.tries }
      const command = ended.get(device.commandId ?? '') ?? null
      const next = follow(work, { now, command, version: versions.get(device.id) ?? null }, task.version)
      if (!next) return []
      const { phase, outcome, reason, tries } = next
      return [
        {
          deviceId: device.id,
          phase,
          dueAt: phase === 'due' ? now : null,
          ...(phase === 'due' && { commandId: null }),
          ...(outcome && { outcome }),
          ...(reason && { reason }),
          ...(tries !== undefined && { detail: { ...detail, tries } }),
        },
      ]
    })
  }

  async #send(
    tx: Tx,
    { operationId }: RolloutFacts,
    task: UpdateTask,
    devices: readonly RolloutDevice[],
    now: Date,
  ): Promise<DeviceMove[]> {
    if (devices.length === 0) return []
    const { releases, commands, newId } = this.#options
    const release = await releases.find(task.sha256)
    if (!release) return devices.map(({ id }) => passedOver(id, `this server does not have ${task.version} any more`))
    const manifest = releases.manifest(release)
    const queued = await commands.queue(tx, now, {
      operationId,
      devices,
      bodyFor: ({ id }) => ({
        type: 'agent.update',
        args: {
          manifest,
          ticket: releases.tickets.issue(id, release.sha256),
          probationSeconds: task.probationSeconds,
          force: task.force,
        },
      }),
      // It holds the ticket.
      isSecret: true,
      expiresAt: new Date(now.getTime() + TAKEN_ON_MS),
      newId,
    })
    const commandOf = new Map(queued.map(({ id, deviceId }) => [deviceId, id]))
    return devices.map(({ id }) => ({
      deviceId: id,
      phase: 'updating',
      dueAt: null,
      commandId: commandOf.get(id) ?? null,
      reason: null,
    }))
  }
}

const passedOver = (deviceId: string, text: string): DeviceMove => ({
  deviceId,
  phase: 'done',
  outcome: 'passed_over',
  reason: { text, byDevice: false },
  dueAt: null,
})
