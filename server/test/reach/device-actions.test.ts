import type { CommandBody, CommandOutcome } from '@breeze/contract/agent-commands'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { recordReturns } from '../../src/domains/commands/returns.ts'
import { macsOf } from '../../src/domains/devices/wake.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { auditBody } from '../trust/acts.ts'
import { callsOf, found } from './calls.ts'
import { capabilities, connectDevice, network, type ReachDevice, statusOf } from './devices.ts'
import { until } from '../agents/fleet.ts'

let world: Harness
let place: Organization
let technician: Caller
let made = 0
let calls: ReturnType<typeof callsOf>
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  calls = callsOf(world, () => technician)
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  place = await world.organization(`Wake ${made}`)
  technician = await world.caller(await world.key(await world.user('partner_admin'), [...ALL_SCOPES]))
})

const sends = (body: CommandBody): Partial<CommandOutcome> | null =>
  body.type === 'network.wake'
    ? found('network.wake', { source: 'udp', sent: body.args.macs.length, addresses: ['192.0.2.255'] })
    : null
const peer = (name: string, answer = sends, lacking: 'network.wake'[] = [], siteId = place.siteId) =>
  connectDevice(world, place, `${name}-${made}`, {
    answer,
    siteId,
    sections: { capabilities: capabilities(...lacking) },
  })

/** A device that has told its hardware addresses and went away. */
async function sleeper(name: string, ...macs: (string | null)[]): Promise<ReachDevice> {
  const device = await connectDevice(world, place, `${name}-${made}`, { sections: { network: network(...macs) } })
  await device.agent.disconnect()
  await world.sql(`update devices set status = 'offline' where id = $1`, [device.id])
  await until(async () => (await statusOf(world, device.id)) === 'offline')
  return device
}

it('has up to three awake devices of the site send the packet, and says who sent it and never that it woke', async () => {
  const asleep = await sleeper('asleep', null, '00:00:00:00:00:00', 'AA:BB:CC:00:00:01', '01:00:5e:00:00:01')
  const peers = [await peer('a'), await peer('b'), await peer('c'), await peer('d')]
  const other = await world.site(place.id, 'Elsewhere')
  const bystanders = [await peer('lacks', sends, ['network.wake']), await peer('elsewhere', sends, [], other)]
  const { data, text } = await calls.call('device_actions', { action: 'wake', devices: asleep.id })
  expect(data).toMatchObject({ total: 1, counts: { sent: 1 }, state: 'succeeded' })
  expect(data.devices).toEqual([
    {
      id: asleep.id,
      name: `asleep-${made}`,
      state: 'sent',
      reason: expect.stringMatching(/^packet sent by .+, .+, .+$/),
    },
  ])
  expect(text).not.toMatch(/\bwoke\b|succeeded/)
  const senders = peers.filter(({ received }) => received.length > 0)
  expect(senders).toHaveLength(3)
  for (const { received } of senders)
    expect(received).toEqual([{ type: 'network.wake', args: { macs: ['aa:bb:cc:00:00:01'] } }])
  for (const { received } of bystanders) expect(received).toEqual([])
})

it('puts the addresses of several devices into one command, and tells of each by itself', async () => {
  const asleep = [await sleeper('one', '02:00:00:00:00:01'), await sleeper('two', '02:00:00:00:00:02')]
  const nameless = await sleeper('nameless', null)
  const sender = await peer('sender')
  const filter = { organization: place.id }
  const plan = await calls.call('device_actions', { action: 'wake', filter, dry_run: true })
  expect(plan.text).toContain(`sent by sender-${made}`)
  expect(plan.text).toContain(`nameless-${made}: no hardware address of it is known`)
  const { data } = await calls.call('device_actions', { action: 'wake', filter })
  expect(data).toMatchObject({ total: 4, counts: { sent: 2, rejected: 2 } })
  expect(Object.fromEntries(data.devices.map(({ name, reason }) => [name, reason]))).toEqual({
    [asleep[0]?.name ?? '']: `packet sent by sender-${made}`,
    [asleep[1]?.name ?? '']: `packet sent by sender-${made}`,
    [nameless.name]: 'no hardware address of it is known',
    [sender.name]: 'it is online already',
  })
  expect(sender.received).toEqual([
    { type: 'network.wake', args: { macs: ['02:00:00:00:00:01', '02:00:00:00:00:02'] } },
  ])
})

it('says what is missing when nobody can be woken or nobody can wake', async () => {
  const asleep = await sleeper('asleep', '02:00:00:00:00:01')
  expect(await calls.refusal('device_actions', { action: 'wake', devices: asleep.id })).toMatchObject({
    code: 'conflict',
    reason: `Nothing was sent. asleep-${made}: no other device of its site is online and can send a wake-up packet.`,
  })
  const open = await world.sql(`select from operations where target_ids = array[$1::uuid] and state = 'running'`, [
    asleep.id,
  ])
  expect(open).toEqual([])
})

it('says so when no packet went out', async () => {
  const asleep = await sleeper('asleep', '02:00:00:00:00:01')
  await peer('broken', () => ({ state: 'failed', reason: 'no socket' }))
  const { data } = await calls.call('device_actions', { action: 'wake', devices: asleep.id })
  expect(data).toMatchObject({
    state: 'failed',
    counts: { failed: 1 },
    devices: [{ state: 'failed', reason: `not sent by broken-${made}` }],
  })
})

it('asks the devices of no other organization', async () => {
  const asleep = await sleeper('asleep', '02:00:00:00:00:01')
  const foreign = await world.organization(`Foreign ${made}`)
  const neighbour = await connectDevice(world, foreign, `neighbour-${made}`, {
    answer: sends,
    sections: { capabilities: capabilities() },
  })
  const own = await world.caller(
    await world.key(await world.user('organization_admin', place.id), [...ALL_SCOPES], { organizations: [place.id] }),
  )
  for (const caller of [own, technician]) {
    const outcome = await world.invoke(caller, 'device_actions', { action: 'wake', devices: asleep.id })
    expect(outcome).toMatchObject({ status: 'failed', denial: { code: 'conflict' } })
  }
  expect(neighbour.received).toEqual([])
})

it('takes the cards that are in use first, and no more than four', () => {
  const card = (name: string, mac: string, ...addresses: string[]) => ({ name, mac, up: true, addresses })
  const cards = [
    card('docker0', '02:42:00:00:00:01', '172.17.0.1'),
    card('eth0', '02:00:00:00:00:01'),
    card('eth1', '02:00:00:00:00:02', '192.0.2.1'),
    card('eth2', '02:00:00:00:00:02', '192.0.2.2'),
    card('wlan0', '02:00:00:00:00:03', '192.0.2.3'),
    card('veth9', '02:00:00:00:00:09'),
  ]
  expect(macsOf(cards)).toEqual(['02:00:00:00:00:02', '02:00:00:00:00:03', '02:00:00:00:00:01', '02:42:00:00:00:01'])
  expect(macsOf('nonsense')).toEqual([])
})

describe('a device that is cut off', () => {
  const isolation = (isolated: boolean) => found('network.isolate', { isolated, until: null })
  const conditionsOf = async (id: string) =>
    (await world.sql<{ conditions: string[] }>('select conditions from devices where id = $1', [id]))[0]?.conditions ??
    []

  it('shows it by its own word until it is released, and the plan says what stays in reach', async () => {
    const device = await connectDevice(world, place, `cut-${made}`, {
      sections: { capabilities: capabilities() },
      answer: ({ type }) =>
        type === 'network.isolate' ? isolation(true) : type === 'network.release' ? isolation(false) : {},
    })
    const input = {
      action: 'isolate',
      devices: device.id,
      release_after_seconds: 7200,
      allow: [{ address: '192.0.2.53', port: 53 }],
    }
    const plan = await calls.call('device_actions', { ...input, dry_run: true })
    expect(plan.text).toContain('only this server, loopback, DHCP, 192.0.2.53:53 stay in reach')
    expect(plan.text).toContain('by itself after 2 hours')
    const { data, text } = await calls.call('device_actions', input)
    expect(data).toMatchObject({ state: 'succeeded', counts: { succeeded: 1 } })
    expect(text).toContain('isolated until it is released')
    const { allow } = input
    expect(device.received).toEqual([{ type: 'network.isolate', args: { allow, releaseAfterSeconds: 7200 } }])
    await until(async () => (await conditionsOf(device.id)).includes('isolated'))
    const listed = await calls.call('list_devices', { condition: 'isolated', organization: place.id })
    expect(listed.data.devices).toMatchObject([{ id: device.id }])
    await calls.call('device_actions', { action: 'release', devices: device.id })
    await until(async () => !(await conditionsOf(device.id)).includes('isolated'))
    // Somebody at the device, or its own time: the next beat tells.
    device.agent.heartbeat({}, { isolated: true })
    await until(async () => (await conditionsOf(device.id)).includes('isolated'))
    device.agent.heartbeat({}, { isolated: false })
    await until(async () => !(await conditionsOf(device.id)).includes('isolated'))
  })
})

describe('a device that was sent a reboot', () => {
  it('is told to be back only once it is heard in another boot', async () => {
    const device = await connectDevice(world, place, `boots-${made}`, {
      sections: { capabilities: capabilities() },
      answer: () => ({ reason: 'reboot requested' }),
    })
    const { data } = await calls.call('device_actions', { action: 'reboot', devices: device.id })
    const reasonNow = async () => {
      const operation = await calls.call('get_operation', { operation: data['operation'] })
      return operation.data.devices[0]?.['reason']
    }
    expect(await reasonNow()).toBe('restarts; not back yet')
    // Heard again, and it is the same boot: it did not go down.
    const same = [{ deviceId: device.id, bootId: device.agent.bootId }]
    expect(await world.server.db.worker((tx) => recordReturns(tx, new Date(), same))).toEqual(new Set())
    await world.sql(`update device_commands set result_at = result_at - interval '16 minutes' where device_id = $1`, [
      device.id,
    ])
    expect(await reasonNow()).toBe('did not come back within 15 min')
    device.agent.bootId = 'boot-2'
    await device.agent.connect()
    device.agent.heartbeat()
    await until(async () => /^came back after 9\d\d s$/.test(String(await reasonNow())))
  })
})

it('says in the audit that nothing came of an act which its device refused', async () => {
  const device = await connectDevice(world, place, `refuses-${made}`, {
    sections: { capabilities: capabilities() },
    answer: () => ({ state: 'rejected', reason: 'denied_locally: the server runs here' }),
  })
  const { data } = await calls.call('device_actions', { action: 'isolate', devices: device.id })
  expect(data).toMatchObject({ state: 'failed', counts: { rejected: 1 } })
  const entry = await auditBody(world, String(data['audit_entry']))
  expect(entry).toMatchObject({ decision: 'allowed', outcome: 'failed', code: 'failed' })
})
