import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandArgs } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { errorCode } from '../platform/error-code.ts'
import { action, type Done } from './action.ts'

/** The packet is looked for in any frame; these ports (discard and echo) are where others send it, too. */
const PORTS = [9, 7] as const
/** One that is lost is not missed. */
const ROUNDS = 3
const ROUND_PAUSE_MS = 100
const TIMEOUT_MS = 20_000
const EVERYWHERE = '255.255.255.255'
const MAX_ADDRESSES = 64

/** Sends wake-on-LAN packets for other devices of the networks that this one is in. */
export function wakeDevices(): Executor<'network.wake'> {
  return action({
    type: 'network.wake',
    timeoutMs: () => TIMEOUT_MS,
    unsupported: async () => (sources().length > 0 ? undefined : 'this device is in no IPv4 network'),
    act: ({ macs }) => wake(macs),
  })
}

interface Source {
  address: string
  broadcast: string
}

interface Tally {
  sent: number
  addresses: Set<string>
  failures: Set<string>
}

async function wake(macs: CommandArgs<'network.wake'>['macs']): Promise<Done<'network.wake'>> {
  const packets = [...new Set(macs.map((mac) => mac.toLowerCase()))].map(magicPacket)
  const tally: Tally = { sent: 0, addresses: new Set(), failures: new Set() }
  for (const source of sources()) await sendFrom(source, packets, tally)
  if (tally.sent === 0) {
    const why = [...tally.failures].join(', ') || 'this device is in no IPv4 network'
    throw new Error(`No packet could be sent: ${why}`)
  }
  const addresses = [...tally.addresses].slice(0, MAX_ADDRESSES)
  return {
    data: { source: 'UDP broadcast', sent: tally.sent, addresses },
    text: `${tally.sent} packets for ${packets.length} hardware address(es) sent to ${addresses.join(', ')}`,
  }
}

async function sendFrom({ address, broadcast }: Source, packets: readonly Buffer[], tally: Tally): Promise<void> {
  const socket = await openSocket(address)
  if (!socket) return
  const everything = [broadcast, EVERYWHERE].flatMap((to) =>
    PORTS.flatMap((port) => packets.map((packet) => ({ to, port, packet }))),
  )
  try {
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await sleep(ROUND_PAUSE_MS)
      for (const { to, port, packet } of everything) {
        const failure = await send(socket, packet, port, to)
        if (failure !== undefined) {
          tally.failures.add(failure)
          continue
        }
        tally.addresses.add(to)
        tally.sent++
      }
    }
  } finally {
    socket.close()
  }
}

/** Six times 0xff, then sixteen times the hardware address. */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replaceAll(':', ''), 'hex')
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)])
}

export function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number)
  return address
    .split('.')
    .map((part, n) => Number(part) | (~(mask[n] ?? 255) & 255))
    .join('.')
}

/** Each IPv4 network that this device has a card in. A point-to-point link has nobody to wake. */
function sources(): Source[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal, netmask }) => family === 'IPv4' && !internal && netmask !== EVERYWHERE)
    .map(({ address, netmask }) => ({ address, broadcast: broadcastOf(address, netmask) }))
    .slice(0, MAX_ADDRESSES - 1)
}

/** Bound to the card's own address, so that what is sent to everybody leaves through that card. */
function openSocket(address: string): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>()
  const socket = createSocket('udp4')
  socket.once('error', () => {
    socket.close()
    resolve(undefined)
  })
  socket.bind(0, address, () => {
    socket.removeAllListeners('error')
    // A card that goes down while packets are sent: each send tells for itself.
    socket.on('error', () => undefined)
    socket.setBroadcast(true)
    resolve(socket)
  })
  return promise
}

/** Undefined when it went out. */
function send(socket: Socket, packet: Buffer, port: number, to: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.send(packet, port, to, (error) => resolve(error ? (errorCode(error) ?? 'unknown error') : undefined))
  })
}
