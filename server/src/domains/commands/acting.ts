/**
 * The one way to act on devices: which ones, what stands in the way of each, what they are sent. Every tool that sends
 * commands goes through here, so that an offline or incapable device means the same in all of them.
 */
import type { Capability } from '@breeze/contract/agent-capabilities'
import { capabilitiesOf, type CommandBody } from '@breeze/contract/agent-commands'
import { conflict, KernelError } from '../../kernel/errors.ts'
import { leaveOut } from '../../kernel/operations.ts'
import { commandOperation, type RunContext, type Target, type TransactionContext } from '../../kernel/tool.ts'
import type { DeviceTarget } from '../devices/service.ts'
import { placeOf, type Selection, selectTargets } from '../devices/select.ts'
import type { DeviceResult } from './present.ts'

/** What is asked of the devices, as far as it decides who can be asked. */
export interface Asked {
  capabilities: readonly Capability[]
  /** How long a command waits for a device that is not connected; 0: it is not sent there at all. */
  waitMinutes: number
}

/** Why a device gets no command. The words are the server's own: what the device itself says stays in its details. */
export interface Refusal {
  kind: 'unsupported' | 'offline'
  reason: string
}

export interface CommandTarget extends DeviceTarget {
  refusal?: Refusal
}

/** An act that comes hours late surprises whoever sits at the device. */
export const SHORT_WAIT_MINUTES = 15
/** Of a command that is of no use once nobody waits for it. */
const NO_WAIT_SECONDS = 60

export const asked = (body: CommandBody, waitMinutes: number): Asked => ({
  capabilities: capabilitiesOf(body),
  waitMinutes,
})

/** The devices of a call, each with what its plan should say of it. */
export async function commandTargets(
  { tx, caller, services, now }: TransactionContext,
  selection: Selection,
  asked: Asked,
): Promise<CommandTarget[]> {
  return withRefusals({ services, now, tx }, await selectTargets(tx, caller, selection), asked)
}

/** The same of devices that were found in another way. */
export async function withRefusals(
  { tx, services, now }: Pick<TransactionContext, 'tx' | 'services' | 'now'>,
  targets: readonly DeviceTarget[],
  { capabilities, waitMinutes }: Asked,
): Promise<CommandTarget[]> {
  const ids = targets.map((target) => target.id)
  const incapable = await services.devices.incapable(tx, ids, capabilities)
  const until = minute(new Date(now().getTime() + waitMinutes * 60_000))
  return targets.map((target): CommandTarget => {
    const refusal = refusalOf(target, incapable.get(target.id), waitMinutes)
    if (refusal) return { ...target, refusal, caveat: refusal.reason }
    if (target.status === 'online') return target
    return { ...target, caveat: `${target.status}: it would wait until ${until}` }
  })
}

function refusalOf(target: DeviceTarget, incapable: string | undefined, waitMinutes: number): Refusal | undefined {
  if (incapable !== undefined) return { kind: 'unsupported', reason: incapable }
  if (target.status === 'online' || waitMinutes > 0) return undefined
  return { kind: 'offline', reason: `${target.status}: it can't be asked now` }
}

/** Refuses, before anybody is asked to confirm, what none of the devices could carry out. */
export function requireCapable(targets: readonly Target[]): void {
  const devices = targets.map(commandTarget)
  if (devices.every(({ refusal }) => refusal?.kind === 'unsupported')) throw nobody(devices)
}

/** Those that can carry it out, and the ids of those that can't. */
export function splitAble(targets: readonly Target[]): { able: CommandTarget[]; apart: string[] } {
  const [able, apart] = [[] as CommandTarget[], [] as string[]]
  for (const device of targets.map(commandTarget)) {
    if (device.refusal === undefined) able.push(device)
    else apart.push(device.id)
  }
  return { able, apart }
}

export interface Sent {
  operation: string
  /** Devices that are connected and can answer now. */
  reachable: number
  /** Devices that got no command, each with the reason. */
  apart: DeviceResult[]
}

export interface Sending {
  isSecret?: boolean
  atOnce?: number | undefined
}

/** Queues the command for all that can take it. Refuses when that is none, so that no operation is left without an end. */
export async function sendCommands(
  context: RunContext,
  targets: readonly Target[],
  body: CommandBody,
  waitMinutes: number,
  { isSecret = false, atOnce }: Sending = {},
): Promise<Sent> {
  const devices = targets.map(commandTarget)
  const able = devices.filter(({ refusal }) => refusal === undefined)
  const apart = devices.filter(({ refusal }) => refusal !== undefined)
  if (able.length === 0) throw nobody(apart)
  const operation = await commandOperation(context)
  const now = context.now()
  const waitSeconds = waitMinutes > 0 ? waitMinutes * 60 : NO_WAIT_SECONDS
  await context.services.commands.queue(context.tx, now, {
    operationId: operation,
    devices: able.map(placeOf),
    body,
    expiresAt: new Date(now.getTime() + waitSeconds * 1000),
    isSecret,
    ...(atOnce !== undefined && { atOnce }),
    newId: context.newId,
  })
  const ids = apart.map(({ id }) => id)
  if (ids.length > 0) await leaveOut(context.tx, operation, ids)
  return {
    operation,
    reachable: able.filter(({ status }) => status === 'online').length,
    apart: apart.map(({ id, name, refusal }) => ({ id, name, state: 'rejected', reason: refusal?.reason ?? '' })),
  }
}

/** What `commandTargets` made: the kernel hands the same objects on. */
export function commandTarget(target: Target): CommandTarget {
  if (!isCommandTarget(target)) throw new Error('the targets of a command are devices')
  return target
}
const isCommandTarget = (target: Target): target is CommandTarget => target.kind === 'device' && 'status' in target

const NAMED = 3

function nobody(refused: readonly CommandTarget[]): KernelError {
  const named = refused.slice(0, NAMED).map(({ name, refusal }) => `${name}: ${refusal?.reason}`)
  const more = refused.length > NAMED ? `; and ${refused.length - NAMED} more` : ''
  const reason = `Nothing was sent. ${named.join('; ')}${more}.`
  if (refused.some(({ refusal }) => refusal?.kind === 'offline'))
    return conflict(reason, 'Call again when the device is online: list_devices tells.')
  const remedy = 'get_device_details, section capabilities, tells what a device can do and why not.'
  return new KernelError({ code: 'unsupported', reason, remedy })
}

const minute = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
