import type { SignedCancel, SignedCommand } from '@breeze/contract/agent-commands'
import type { InventorySections, SectionName } from '@breeze/contract/agent-inventory'
import type { AgentFrame, ServerFrame } from '@breeze/contract/agent-protocol'

export type HeartbeatBody = Omit<Extract<AgentFrame, { type: 'heartbeat' }>, 'type' | 'sentAt'>
export type Welcome = Extract<ServerFrame, { type: 'welcome' }>
export interface InventoryBody {
  sections: Partial<InventorySections>
  hashes: Record<string, string>
}

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
  inventory(sections: readonly SectionName[]): InventoryBody | Promise<InventoryBody>
  handleCommand(command: SignedCommand, reply: Reply): void | Promise<void>
  /** Ends a command, or keeps one that has not arrived yet from running. */
  handleCancel?(cancel: SignedCancel, reply: Reply): void | Promise<void>
  /** After each welcome, started before the first heartbeat: learn keys and time, send results again. */
  welcomed?(welcome: Welcome, reply: Reply): void | Promise<void>
  /** The server holds the result durably. */
  resultRecorded?(commandId: string): void | Promise<void>
}
