import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import type { ResultData } from '@breeze/contract/agent-commands'
import { errorCode } from '../platform/error-code.ts'
import type { KnownNeighbour } from '../platform/network-path.ts'
import { printableLine } from '../printable.ts'

export type Check = ResultData<'network.diagnose'>['checks'][number]

const TIMEOUT_MS = 5000
const GATEWAY_TIMEOUT_MS = 2000
/** Any of them: what counts is that the gateway answers, even with a refusal. */
const GATEWAY_PORTS = [53, 80, 443]

export async function checkResolve(host: string): Promise<Check & { address: string | undefined }> {
  const started = performance.now()
  try {
    const found = await within(lookup(host, { all: true }), TIMEOUT_MS)
    const addresses = found.map(({ address }) => address)
    const detail = printableLine(addresses.slice(0, 8).join(', '), 500)
    return { check: 'resolve', target: host, ok: true, milliseconds: since(started), detail, address: addresses[0] }
  } catch (error) {
    const detail = RESOLVE_FAILURES[errorCode(error) ?? ''] ?? `it failed with ${errorCode(error) ?? 'an error'}`
    return { check: 'resolve', target: host, ok: false, milliseconds: null, detail, address: undefined }
  }
}

const RESOLVE_FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'no name server answered',
  EAI_NODATA: 'the name has no address',
  ETIMEDOUT: `no answer within ${TIMEOUT_MS / 1000} s`,
}

export async function checkConnect(
  check: 'connect' | 'server',
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Check> {
  const target = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
  const { code, milliseconds, address } = await tryConnect(host, port, TIMEOUT_MS, signal)
  if (code === undefined) {
    return { check, target, ok: true, milliseconds, detail: `connected to ${address ?? host}` }
  }
  return { check, target, ok: false, milliseconds: null, detail: CONNECT_FAILURES[code] ?? `it failed with ${code}` }
}

const CONNECT_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the host answered, and refused: nothing listens on the port',
  ETIMEDOUT: `no answer within ${TIMEOUT_MS / 1000} s`,
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'the name could not be resolved',
  EAI_AGAIN: 'the name could not be resolved',
}

/** Without raw sockets there is no ping: a connection attempt makes the system ask for the gateway's hardware address. */
export async function checkGateway(gateway: string, neighbour: KnownNeighbour, signal: AbortSignal): Promise<Check> {
  const base = { check: 'gateway', target: gateway } as const
  const attempts = GATEWAY_PORTS.map((port) => tryConnect(gateway, port, GATEWAY_TIMEOUT_MS, signal))
  for (const attempt of attempts) {
    const { code, milliseconds } = await attempt
    if (code === undefined || code === 'ECONNREFUSED' || code === 'ECONNRESET') {
      return { ...base, ok: true, milliseconds, detail: 'it answers on TCP' }
    }
  }
  const known = await neighbour(gateway).catch(() => null)
  if (known === true) {
    return { ...base, ok: true, milliseconds: null, detail: 'it is in the neighbour table and ignores TCP' }
  }
  const detail =
    known === false ? 'nobody has that address on this network' : 'no answer on TCP, and no neighbour entry'
  return { ...base, ok: false, milliseconds: null, detail }
}

interface Attempt {
  /** Undefined when it connected. */
  code: string | undefined
  milliseconds: number
  address: string | undefined
}

function tryConnect(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    const started = performance.now()
    const socket = connect({ host, port, signal })
    const end = (code: string | undefined) => {
      clearTimeout(timer)
      const address = socket.remoteAddress
      socket.destroy()
      resolve({ code, milliseconds: since(started), address })
    }
    const timer = setTimeout(() => end('ETIMEDOUT'), timeoutMs)
    socket.once('connect', () => end(undefined))
    // With several addresses Node reports them together; each has its code.
    socket.on('error', (error) => end(firstCode(error)))
  })
}

function firstCode(error: Error): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return errorCode(inner) ?? errorCode(error) ?? 'an error'
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' })), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

function since(started: number): number {
  return Math.round((performance.now() - started) * 10) / 10
}
