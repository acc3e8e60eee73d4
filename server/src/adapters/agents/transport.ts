/** How frames travel between one agent and the server. A connection knows no more of its transport than this. */

/** Who uses the transport: told of everything that comes in, and once of the end. */
export interface TransportPeer {
  /** A frame as JSON, not yet checked; undefined for what is no JSON text. `bytes` is what it weighed on the wire. */
  frame(value: unknown, bytes: number): void
  /** A sign of life that is no frame. */
  alive(): void
  /** The peer is gone, or was sent away. Nothing follows. */
  closed(): void
}

export interface AgentTransport {
  /** Where what comes in goes. Called once, before anything is sent. */
  listen(peer: TransportPeer): void
  /** The peer has proven who it is: limits for strangers end. */
  proven(): void
  /** Silently nothing once closed: what matters is sent again to the next connection. */
  send(text: string): void
  /** Lets the peer read what was sent before, then tells it the code. */
  close(code: number): void
  /** At once, whatever was still to be sent. */
  terminate(): void
  /** The peer is held back until `resume`; nothing is thrown away. */
  pause(): void
  resume(): void
  /** Sent and not yet taken by the peer, as far as this side knows. */
  readonly bufferedBytes: number
}

/** A hello is far smaller. */
export const MAX_UNPROVEN_BYTES = 16 * 1024
