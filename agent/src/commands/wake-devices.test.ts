import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type CommandOutcome, RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { carryOutElsewhere } from '../../test/elsewhere.ts'
import { broadcastOf, magicPacket } from './wake-devices.ts'

test('the packet is six times ff and sixteen times the address', () => {
  const packet = magicPacket('02:00:5E:10:00:ab')
  expect(packet).toHaveLength(102)
  expect(packet.toString('hex')).toBe('ff'.repeat(6) + '02005e1000ab'.repeat(16))
})

test.each([
  ['192.168.1.17', '255.255.255.0', '192.168.1.255'],
  ['10.1.2.3', '255.255.240.0', '10.1.15.255'],
  ['172.16.0.1', '255.255.255.254', '172.16.0.1'],
])('the broadcast address of %s in %s is %s', (address, netmask, broadcast) => {
  expect(broadcastOf(address, netmask)).toBe(broadcast)
})

const id = randomBytes(3).toString('hex')
const [PEER, SLEEPER] = [`brz-p-${id}`, `brz-s-${id}`]
const ip = (...args: string[]) => execFileSync('ip', args)

beforeEach(() => {
  for (const name of [PEER, SLEEPER]) ip('netns', 'add', name)
  ip('link', 'add', 'wake0', 'netns', PEER, 'type', 'veth', 'peer', 'name', 'wake0', 'netns', SLEEPER)
  const address = { [PEER]: '10.98.7.1/24', [SLEEPER]: '10.98.7.2/24' }
  for (const name of [PEER, SLEEPER]) {
    ip('-n', name, 'addr', 'add', address[name] ?? '', 'brd', '+', 'dev', 'wake0')
    ip('-n', name, 'link', 'set', 'wake0', 'up')
  }
})
afterEach(() => {
  for (const name of [PEER, SLEEPER]) ip('netns', 'del', name)
})

function wake(from: string[], macs: string[]): CommandOutcome | undefined {
  return carryOutElsewhere(from, 'true', {
    stateDirectory: '/nonexistent',
    commands: [{ type: 'network.wake', args: { macs } }],
  })[0]
}

test('packets reach a machine in the same network, on both ports and for each address', async () => {
  const heard = new Set<string>()
  const listen = `
    for (const port of [7, 9]) {
      const socket = require('dgram').createSocket('udp4')
      socket.on('message', (bytes, { address }) => console.log(port + ' ' + address + ' ' + bytes.toString('hex')))
      socket.bind(port, () => console.log('ready'))
    }`
  const listener = spawn('ip', ['netns', 'exec', SLEEPER, process.execPath, '-e', listen])
  let text = ''
  listener.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
  try {
    await vi.waitFor(() => expect(text.match(/ready/g)).toHaveLength(2), { timeout: 10_000 })
    const macs = ['02:00:5e:10:00:ab', '02:00:5E:10:00:CD', '02:00:5e:10:00:cd']
    const outcome = wake(['ip', 'netns', 'exec', PEER], macs)
    expect(outcome).toMatchObject({ state: 'succeeded' })
    const data = RESULT_DATA['network.wake'].parse(outcome?.data)
    expect(data.addresses).toEqual(['10.98.7.255', '255.255.255.255'])
    const expected = [7, 9].flatMap((port) =>
      ['02:00:5e:10:00:ab', '02:00:5e:10:00:cd'].map((mac) => `${port} 10.98.7.1 ${magicPacket(mac).toString('hex')}`),
    )
    await vi.waitFor(
      () => {
        for (const line of text.split('\n')) if (line !== '' && line !== 'ready') heard.add(line)
        expect([...heard].sort()).toEqual(expected.sort())
      },
      { timeout: 10_000 },
    )
    // Two kinds of broadcast, two ports, two addresses, three rounds.
    expect(data.sent).toBe(24)
  } finally {
    listener.kill()
  }
})

test('a device in no network says so before it is asked', () => {
  expect(wake(['unshare', '-n'], ['02:00:5e:10:00:ab'])).toEqual({
    state: 'rejected',
    reason: 'this device is in no IPv4 network',
  })
})
