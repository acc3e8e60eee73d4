import type { CommandArgs, CommandOutcome, CommandType } from '@breeze/contract/agent-commands'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { InventoryBody, Reply } from './device.ts'

/** Why a command ends before it is done: somebody cancelled it, or the agent stops. */
export type EndReason = 'cancelled' | 'stopped'

export function isCancelled(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason === ('cancelled' satisfies EndReason)
}

/** Reads sections anew and sends them, so that the server holds them before it has the result. Answers what was sent whole. */
export type Tell = (sections: readonly SectionName[]) => Promise<InventoryBody['sections']>

export interface Execution<T extends CommandType = CommandType> {
  commandId: string
  args: CommandArgs<T>
  /** Aborted when the command is to end before it is done; its `reason` is an `EndReason`. */
  signal: AbortSignal
  reply: Reply
  tell: Tell
}

export type ExecutionResult = {
  outcome: CommandOutcome
  /**
   * Runs when the outcome is durable and was sent: for acts the agent does not survive. When it fails it gives the
   * outcome that is true instead.
   */
  afterwards?: () => Promise<CommandOutcome | undefined>
  /**
   * Only the next run of the agent knows what became of it: this outcome is recorded nowhere, and the command stays started.
   * Runs once nothing else is at work, and ends the agent.
   */
  handOver?: () => void
}

/** Commands whose outcome an earlier run of the agent left to this one. */
export interface HandedOver {
  /** Their outcome is not known yet. */
  isPending(commandId: string): boolean
  outcome(commandId: string): CommandOutcome | undefined
}

/** A command type this agent can carry out. */
export interface Executor<T extends CommandType = CommandType> {
  readonly type: T
  /** Why this device can't, before anything was started. */
  unsupported(execution: Execution<T>): Promise<string | undefined>
  /** Ends early when the signal says so, with the state `interrupted`; the runner makes `cancelled` of it where it was that. */
  run(execution: Execution<T>): Promise<ExecutionResult>
}

/** What this agent can carry out; a type without an executor is refused as unsupported. */
export type Executors = { readonly [T in CommandType]?: Executor<T> }
