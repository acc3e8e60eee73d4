/** What tools tell the agents that are connected. All of it is also true without: it only saves waiting. */

export interface ConnectedAgents {
  /** Nothing holds these back any more: they were approved, or their quarantine was ended by a person. */
  trusted(deviceIds: readonly string[]): void
  /** The device was removed. */
  disconnect(deviceId: string): void
}

declare module '../../kernel/services.ts' {
  interface Services {
    agents: ConnectedAgents
  }
}
