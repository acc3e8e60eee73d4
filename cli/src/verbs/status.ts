import type { Command } from 'commander'
import { Client, probe } from '../client.ts'
import { EXIT, Failure } from '../failure.ts'
import { facts, note, say, sayJson } from '../print.ts'
import { findServer, type Server } from '../server.ts'
import { verb, type CommonOptions } from './verb.ts'

interface Devices {
  total: number
  online: number
  offline: number
  pending: number
}
interface Status {
  version: string | null
  url: string | null
  ready: boolean
  devices: Devices | null
}

export function statusVerb(program: Command): void {
  verb(
    program,
    'status',
    'whether the server answers, and its devices; exit code 3 when it does not',
    'breeze status --json',
  ).action(async (options: CommonOptions) => {
    const status = await look()
    if (options.json) sayJson(status)
    else say(statusText(status))
    if (!status.ready) process.exitCode = EXIT.unreachable
  })
}

/** A server that is down is an answer, not a failure of the question. */
async function look(): Promise<Status> {
  const status: Status = { version: null, url: null, ready: false, devices: null }
  try {
    const server = await findServer()
    status.url = server.origin
    Object.assign(status, await probe(server.origin))
    if (status.ready) status.devices = await countDevices(server)
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== EXIT.unreachable) throw error
    note(`breeze: ${error.message}${error.remedy ? `\n  ${error.remedy}` : ''}`)
  }
  return status
}

async function countDevices(server: Server): Promise<Devices | null> {
  try {
    const reply = await new Client(server).call('list_devices', { limit: 1 })
    if (reply.status === 'held') return null
    const counts = reply.data['counts'] as Omit<Devices, 'total'>
    return {
      total: Number(reply.data['total']),
      online: counts.online,
      offline: counts.offline,
      pending: counts.pending,
    }
  } catch (error) {
    // A credential that may not list devices still learns that the server is there.
    if (!(error instanceof Failure) || error.detail?.['code'] === 'unauthenticated') throw error
    note(`breeze: the devices could not be counted: ${error.message}`)
    return null
  }
}

function statusText({ version, url, ready, devices }: Status): string {
  return facts([
    ['Server', url ?? 'none on this machine'],
    ['Version', version ?? '-'],
    ['Ready', ready ? 'yes' : 'no'],
    [
      'Devices',
      devices
        ? `${devices.total}: ${devices.online} online, ${devices.offline} offline, ${devices.pending} pending`
        : '-',
    ],
  ])
}
