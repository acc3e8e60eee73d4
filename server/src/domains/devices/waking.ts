/** The act of waking: packets that are sent by devices of the same site, and what is true of them afterwards. */
import type { z } from 'zod'
import { conflict, invalidInput } from '../../kernel/errors.ts'
import { operationOf, type RunContext, type SettleContext, type Target } from '../../kernel/tool.ts'
import { commandTarget } from '../commands/acting.ts'
import { awaitCommands } from '../commands/await.ts'
import { liveState, resultText, type DeviceResult, type operationShape } from '../commands/present.ts'
import type { CommandResult } from '../commands/reads.ts'
import type { OperationProgress } from '../commands/service.ts'
import { planWaking, type Sleeper } from './wake.ts'

/** A packet is of use while somebody waits for it. */
const EXPIRES_SECONDS = 120
/** Per command; the protocol's limit. */
const MACS = 16
export const MOST_WOKEN = 200

/** A device to wake and the commands that send its packets. */
interface Waking {
  sleeper: Sleeper
  commands: string[]
}

export async function planOfWaking({ tx }: Pick<RunContext, 'tx'>, targets: readonly Target[]): Promise<string[]> {
  if (targets.length > MOST_WOKEN) throw invalidInput(`At most ${MOST_WOKEN} devices can be woken at once.`)
  const sleepers = await planWaking(tx, targets.map(commandTarget))
  const peers = [...new Set(sleepers.flatMap((one) => (one.obstacle ? [] : one.peers.map(({ name }) => name))))]
  const obstacles = sleepers.flatMap(({ target, obstacle }) => (obstacle ? [`${target.name}: ${obstacle}`] : []))
  return [...(peers.length > 0 ? [`sent by ${peers.slice(0, 10).join(', ')}`] : []), ...obstacles.slice(0, 20)]
}

export async function wake(context: RunContext, targets: readonly Target[]) {
  const operation = operationOf(context)
  const sleepers = await planWaking(context.tx, targets.map(commandTarget))
  const able = sleepers.filter(({ obstacle }) => obstacle === undefined)
  if (able.length === 0) throw nobodyToWake(sleepers)
  const packets = [...together(able)].flatMap((group) => {
    const macs = group.flatMap((sleeper) => sleeper.macs)
    return (group[0]?.peers ?? []).map((peer) => ({ ...peer, macs, wakes: group.map(({ target }) => target.id) }))
  })
  const macsOf = new Map<object, string[]>(packets.map((packet) => [packet, packet.macs]))
  const now = context.now()
  const queued = await context.services.commands.queue(context.tx, now, {
    operationId: operation,
    devices: packets,
    bodyFor: (packet) => ({ type: 'network.wake', args: { macs: macsOf.get(packet) ?? [] } }),
    expiresAt: new Date(now.getTime() + EXPIRES_SECONDS * 1000),
    newId: context.newId,
  })
  // Answered in the order of the devices that were given.
  const commandsOf = (id: string) =>
    queued.flatMap((command, at) => (packets[at]?.wakes.includes(id) ? [command.id] : []))
  const wakings = sleepers.map((sleeper): Waking => ({ sleeper, commands: commandsOf(sleeper.target.id) }))
  return { operation, wakings, sent: queued.length }
}

/** Devices of one site whose addresses fit into one command. */
function* together(sleepers: readonly Sleeper[]): Generator<Sleeper[]> {
  for (const site of Map.groupBy(sleepers, ({ target }) => target.siteId).values()) {
    let group: Sleeper[] = []
    let macs = 0
    for (const sleeper of site) {
      if (macs + sleeper.macs.length > MACS) {
        yield group
        group = []
        macs = 0
      }
      group.push(sleeper)
      macs += sleeper.macs.length
    }
    yield group
  }
}

function nobodyToWake(sleepers: readonly Sleeper[]) {
  const named = sleepers.slice(0, 3).map(({ target, obstacle }) => `${target.name}: ${obstacle}`)
  const more = sleepers.length > 3 ? `; and ${sleepers.length - 3} more` : ''
  return conflict(
    `Nothing was sent. ${named.join('; ')}${more}.`,
    'A wake-up packet needs the stored address of the device and another device of its site that is online.',
  )
}

export async function settleWaking(
  context: SettleContext,
  { operation, wakings, sent }: Awaited<ReturnType<typeof wake>>,
) {
  const settled = await awaitCommands(context, { operation, reachable: sent, apart: [] })
  const results = new Map(settled.results.map((result) => [result.id, result]))
  const names = new Map(settled.devices.map(({ id, name }) => [id, name]))
  const devices = wakings.map((waking) => wokenDevice(waking, results, names))
  return { operation, progress: settled.progress, devices }
}

/** The truth is that a device says it sent the packet; that another one woke, its own connection will show. */
function wokenDevice(
  { sleeper, commands }: Waking,
  results: ReadonlyMap<string, CommandResult>,
  names: ReadonlyMap<string, string>,
): DeviceResult {
  const { id, name } = sleeper.target
  if (sleeper.obstacle) return { id, name, state: 'rejected', reason: sleeper.obstacle }
  const known = commands.flatMap((command) => results.get(command) ?? [])
  const by = (chosen: readonly CommandResult[]) =>
    chosen.map((one) => names.get(one.deviceId) ?? one.deviceId).join(', ')
  const senders = known.filter(({ state }) => state === 'succeeded')
  if (senders.length > 0) return { id, name, state: 'sent', reason: `packet sent by ${by(senders)}` }
  const open = known.filter(({ resultAt, state }) => resultAt === null && state !== 'expired' && state !== 'cancelled')
  if (open.length > 0 || known.length === 0) return { id, name, state: 'asked', reason: `asked ${by(open)}` }
  return { id, name, state: 'failed', reason: `not sent by ${by(known)}` }
}

export function presentWaking({
  operation,
  progress,
  devices,
}: {
  operation: string
  progress: OperationProgress
  devices: DeviceResult[]
}): { text: string; data: z.infer<typeof operationShape> } {
  const counts: Record<string, number> = {}
  for (const { state } of devices) counts[state] = (counts[state] ?? 0) + 1
  const said = Object.entries(counts).map(([state, n]) => `${n} ${state}`)
  return {
    text: [
      `Wake-up packets: ${said.join(', ')}. A device has woken when it is online: list_devices tells.`,
      ...devices.slice(0, 20).map(resultText),
    ].join('\n'),
    data: { operation, state: liveState('running', progress), devices, total: devices.length, counts },
  }
}
