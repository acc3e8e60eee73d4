/** Changes that are one command on each device: sending it, and what its end means for the stage. */
import type { CommandBody } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import type { Tx } from '../../kernel/db.ts'
import type { EndedCommand } from '../commands/reads.ts'
import type { Commands } from '../commands/service.ts'
import { type DeviceMove, RECALLED, type RolloutDevice, type RolloutFacts } from './kind.ts'

/** A command that is not taken on by then is sent anew. */
const TAKEN_ON_MINUTES = 15
const MOST_TRIES = 5
/** Of a restart, its own delay besides. */
export const RETURN_MINUTES = 30

export interface Sending {
  body: CommandBody
  /** How long a device is waited for from the beginning of its stage. */
  waitMinutes: number
  isSecret?: boolean
  /** So many are at their devices at once; null: all of a stage. */
  atOnce?: number | null
}

export interface OneCommandOptions {
  commands: Commands
  newId(): string
}

const triedDetail = z.object({ tries: z.number().int().optional() })

export const beginAll = (devices: readonly RolloutDevice[], now: Date): DeviceMove[] =>
  devices.map(({ id }) => ({ deviceId: id, phase: 'due', dueAt: now }))

export async function sendAll(
  tx: Tx,
  { commands, newId }: OneCommandOptions,
  { operationId }: RolloutFacts,
  devices: readonly RolloutDevice[],
  { body, waitMinutes, isSecret = false, atOnce = null }: Sending,
  now: Date,
): Promise<DeviceMove[]> {
  if (devices.length === 0) return []
  // What waits for room among others must not expire meanwhile.
  const minutes = atOnce === null ? Math.min(waitMinutes, TAKEN_ON_MINUTES) : Math.max(waitMinutes, TAKEN_ON_MINUTES)
  const queued = await commands.queue(tx, now, {
    operationId,
    devices,
    body,
    expiresAt: new Date(now.getTime() + minutes * 60_000),
    isSecret,
    ...(atOnce !== null && { atOnce }),
    newId,
  })
  return queued.map(({ id, deviceId }) => ({ deviceId, phase: 'sent', dueAt: null, commandId: id, reason: null }))
}

export async function observeAll(
  tx: Tx,
  { commands }: OneCommandOptions,
  devices: readonly RolloutDevice[],
  /** Of a restart: its delay. Others are done when their command is. */
  returnsAfterSeconds: number | null,
  now: Date,
): Promise<DeviceMove[]> {
  const ids = devices.flatMap(({ commandId }) => commandId ?? [])
  const ended = new Map((await commands.ended(tx, ids)).map((command) => [command.id, command]))
  return devices.flatMap((device) => {
    const command = ended.get(device.commandId ?? '')
    return command ? (follow(device, command, returnsAfterSeconds, now) ?? []) : []
  })
}

/** Pure: what follows for a device from the end of its command. Null: it is still waited for. */
export function follow(
  device: Pick<RolloutDevice, 'id' | 'phase' | 'phaseSince' | 'detail'>,
  command: EndedCommand,
  returnsAfterSeconds: number | null,
  now: Date,
): DeviceMove | null {
  if (device.phase === 'returning') return afterRestart(device, command, returnsAfterSeconds ?? 0, now)
  const base = { deviceId: device.id, dueAt: null }
  switch (command.state) {
    case 'succeeded':
      if (returnsAfterSeconds !== null && command.bootBefore !== null) return { ...base, phase: 'returning' }
      return { ...base, phase: 'done', outcome: 'succeeded', reason: null }
    case 'cancelled':
      if (command.resultAt === null && command.reason === RECALLED) return { ...base, phase: 'due', dueAt: now }
      return { ...base, phase: 'done', outcome: 'cancelled', reason: reasonOf(command) }
    case 'expired':
      return again(device, now)
    default:
      return { ...base, phase: 'done', outcome: 'failed', reason: reasonOf(command) }
  }
}

function afterRestart(
  { id, phaseSince }: Pick<RolloutDevice, 'id' | 'phaseSince'>,
  command: EndedCommand,
  delaySeconds: number,
  now: Date,
): DeviceMove | null {
  const base = { deviceId: id, phase: 'done', dueAt: null }
  if (command.returnedAt !== null) return { ...base, outcome: 'succeeded', reason: null }
  const since = (phaseSince ?? now).getTime() + delaySeconds * 1000
  if (now.getTime() - since < RETURN_MINUTES * 60_000) return null
  const text = `it did not come back within ${RETURN_MINUTES} minutes of its restart`
  return { ...base, outcome: 'failed', reason: { text, byDevice: false } }
}

function again({ id, detail }: Pick<RolloutDevice, 'id' | 'detail'>, now: Date): DeviceMove {
  const tries = (triedDetail.parse(detail).tries ?? 0) + 1
  if (tries < MOST_TRIES) return { deviceId: id, phase: 'due', dueAt: now, commandId: null, detail: { tries } }
  const text = `it did not take the command on, ${MOST_TRIES} times`
  return { deviceId: id, phase: 'done', dueAt: null, outcome: 'failed', reason: { text, byDevice: false } }
}

function reasonOf({ state, reason, exitCode, resultAt }: EndedCommand): { text: string; byDevice: boolean } {
  const text = reason ?? (exitCode === null ? state.replace('_', ' ') : `exit code ${exitCode}`)
  // The number is the device's, the words are the server's.
  return { text, byDevice: reason !== null && resultAt !== null }
}
