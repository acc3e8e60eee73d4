import type { Log } from './log.ts'
import type { ParsedFrame } from './server-frame.ts'
import type { Transport } from './transport.ts'

export type LinkKind = 'web_socket' | 'poll'

/** What a WebSocket calls a connection that ended without a close frame (RFC 6455 §7.1.5). */
export const ENDED_WITHOUT_A_WORD = 1006

export interface LinkEnd {
  /** A WebSocket close code, ours among them. */
  code: number
  /** The server was reached and asked for so long a pause. */
  retryAfterSeconds?: number
  /** Not even a TCP connection came about, so another kind of link would fail as well. */
  unreachable?: boolean
}

export interface LinkOwner {
  arrived(link: Link, frame: ParsedFrame): void
  /** Once for each link, and nothing arrives after it. */
  ended(link: Link, end: LinkEnd): void
}

/**
 * A way for frames to go both ways between this device and the server: in order, none twice, none missing while it
 * lives. Whoever speaks over it need not know which way it is.
 */
export interface Link {
  readonly kind: LinkKind
  /** The last measured way to the server and back; null before the first. */
  readonly roundTripMs: number | null
  /** True when the frame was handed to the network, false when it will not arrive. */
  send(text: string): Promise<boolean>
  /** From now on a server that says nothing for two intervals is taken for gone. */
  keepAlive(intervalMs: number): void
  /** Lets go of it in good order; settles soon whatever the other side does. */
  close(): Promise<void>
  terminate(): void
}

export interface LinkOptions {
  /** An origin, as `parseServerUrl` makes it. */
  server: string
  transport: Transport
  owner: LinkOwner
  log: Log
  /** For each step of opening it. */
  handshakeMs: number
}

export const CLOSE_PATIENCE_MS = 1000

const UNREACHABLE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN'])

export function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && UNREACHABLE.has(error.code)
}
