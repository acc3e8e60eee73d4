import type { SignedCancel, SignedCommand } from '@breeze/contract/agent-commands'
import type { AgentConfiguration } from '@breeze/contract/agent-configuration'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { AgentFrame, ServerFrame } from '@breeze/contract/agent-protocol'

type Frame<T extends AgentFrame['type']> = Omit<Extract<AgentFrame, { type: T }>, 'type'>

/** The connection adds when it was sent and how long the way to the server takes. */
export type HeartbeatBody = Omit<Frame<'heartbeat'>, 'sentAt'>
export type Welcome = Extract<ServerFrame, { type: 'welcome' }>
export type InventoryBody = Frame<'inventory'>

/**
 * Sends a frame over whichever connection is up. True when the frame was handed to the network, false when there is no
 * connection: nothing is queued, because what must arrive is kept in a journal and sent again after the next welcome.
 */
export type Reply = (frame: AgentFrame) => Promise<boolean>

/**
 * What a connection speaks for: this machine in the agent, an invented one in a simulator. A connection never looks at
 * the machine itself, so thousands of devices can live in one process.
 */
export interface Device {
  readonly deviceId: string
  readonly agentVersion: string
  readonly bootId: string
  readonly machineId: string
  /** Of the configuration in force; null before the first. */
  readonly configurationEtag: string | null
  /** Ed25519 over the text's UTF-8 bytes, base64url. */
  sign(message: string): string
  heartbeat(): HeartbeatBody | Promise<HeartbeatBody>
  /** `whole`: sections of which the server wants no delta. */
  inventory(sections: readonly SectionName[], whole: readonly SectionName[]): InventoryBody | Promise<InventoryBody>
  handleCommand(command: SignedCommand, reply: Reply): void | Promise<void>
  /** Ends a command, or keeps one that has not arrived yet from running. */
  handleCancel?(cancel: SignedCancel, reply: Reply): void | Promise<void>
  /** After each welcome, started before the first heartbeat: learn keys and time, send results again. */
  welcomed?(welcome: Welcome, reply: Reply): void | Promise<void>
  /** The server holds the result durably. */
  resultRecorded?(commandId: string): void | Promise<void>
  /** The server holds the samples of the frame that ends with this time. */
  metricsRecorded?(until: string): void | Promise<void>
  /** The server holds the entries of the frame with this number. */
  eventsRecorded?(sequence: number): void | Promise<void>
  /** True when it is kept and in force. */
  configure?(etag: string, configuration: AgentConfiguration): boolean | Promise<boolean>
  /** The server knows the key that was offered with `rotate_key`. */
  keyRotated?(publicKey: string): void | Promise<void>
  /** Asked when the proof was refused: true when the next `sign` uses another key that may be the right one. */
  hasAnotherKey?(): boolean
  /** The server says that this identity lives on another machine. */
  copied?(): void | Promise<void>
}
