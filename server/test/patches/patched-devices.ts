/** Simulated devices that lack updates and install them as a test says. */
import type { CommandBody, CommandOutcome } from '@breeze/contract/agent-commands'
import type { InventorySections, SectionData } from '@breeze/contract/agent-inventory'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'
import type { Harness, Organization } from '../harness.ts'
import { update } from './reports.ts'

type Updates = SectionData<'updates'>['updates']

export interface PatchedDevice extends ReachDevice {
  /** What it lacks now. */
  pending: Updates
  /** `lies`: says that it installed and did not; `silent`: does not answer. */
  behaviour: 'installs' | 'fails' | 'lies' | 'silent'
  /** Answers a command that it was silent to. */
  answer(commandId: string): void
}

const section = (updates: Updates): InventorySections['updates'] => ({
  status: 'ok',
  source: 'a test',
  collectedAt: new Date().toISOString(),
  data: { manager: 'apt', listsUpdatedAt: new Date().toISOString(), updates },
})

export async function lackingDevice(
  world: Harness,
  place: Organization,
  name: string,
  names: readonly string[] = ['openssl'],
): Promise<PatchedDevice> {
  const pending = names.map((one) => update(one, { security: one === 'openssl' }))
  const asked: Map<string, CommandBody> = new Map()
  const state: Pick<PatchedDevice, 'pending' | 'behaviour'> = { pending, behaviour: 'installs' }
  const device = await connectDevice(world, place, name, {
    sections: { updates: section(pending), capabilities: capabilities() },
    answer: (body, commandId) => {
      asked.set(commandId, body)
      return state.behaviour === 'silent' ? null : answered(body)
    },
  })
  const answered = (body: CommandBody): Partial<CommandOutcome> => {
    if (body.type === 'updates.install') return installed(state, body.args.updates)
    if (body.type !== 'updates.scan') return {}
    device.agent.send({
      type: 'inventory',
      sections: { updates: section(state.pending) },
      hashes: { updates: `${Math.random()}` },
    })
    return { data: { pending: state.pending.length, listsUpdatedAt: new Date().toISOString() } }
  }
  await world.server.services.patches.catchUp()
  return Object.assign(state, device, {
    answer: (commandId: string) => {
      const body = asked.get(commandId)
      if (body) device.agent.send({ type: 'result', commandId, outcome: { state: 'succeeded', ...answered(body) } })
    },
  })
}

function installed(
  device: Pick<PatchedDevice, 'pending' | 'behaviour'>,
  wanted: readonly { name: string }[],
): Partial<CommandOutcome> {
  const fails = device.behaviour === 'fails'
  const results = wanted.map(({ name }) => ({
    name,
    state: fails ? ('failed' as const) : ('installed' as const),
    before: '1',
    after: fails ? '1' : '2',
    ...(fails && { reason: 'dpkg: no space left on device' }),
  }))
  const names = new Set(wanted.map(({ name }) => name))
  if (device.behaviour === 'installs') device.pending = device.pending.filter(({ name }) => !names.has(name))
  return { state: fails ? 'failed' : 'succeeded', data: { results, rebootPending: false } }
}
