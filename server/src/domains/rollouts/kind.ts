/** What a rollout asks of whatever it carries out: when a device may begin, what became of it, what to send it next. */
import type { Tx } from '../../kernel/db.ts'
import type { CommandBody } from '@breeze/contract/agent-commands'
import { KernelError } from '../../kernel/errors.ts'
import type { RunContext, Target, TransactionContext } from '../../kernel/tool.ts'
import type { RolloutOutcome } from './tables.ts'

export interface RolloutFacts {
  id: string
  operationId: string
  /** In the shape of its kind. */
  task: unknown
  giveUpAt: Date
}

export interface RolloutDevice {
  id: string
  organizationId: string
  siteId: string
  stage: number
  phase: string
  outcome: RolloutOutcome | null
  dueAt: Date | null
  commandId: string | null
  phaseSince: Date | null
  /** In the shape of its kind. */
  detail: unknown
}

/** What becomes of a device; what is left out stays as it is. Null takes it away. */
export interface DeviceMove {
  deviceId: string
  /** `due` and `done` are the guard's own words. */
  phase: string
  outcome?: RolloutOutcome
  reason?: { text: string; byDevice: boolean } | null
  /** When something is to be sent; without it, something is waited for. */
  dueAt?: Date | null
  commandId?: string | null
  detail?: unknown
}

/** What takes a change back: one command on each device where it succeeded. */
export interface Inverse {
  /** Of the rollout that does it. */
  kind: string
  task: unknown
  /** "Release", "Run the script …": before "on 12 devices". */
  what: string
  body: CommandBody
  /** How long a device that is away is waited for. */
  waitMinutes: number
  irreversible: string[]
  /** Part of what is confirmed. */
  binding: Record<string, string>
  /** Devices that it is not for, each with why. */
  unsuited(targets: readonly Target[]): Promise<Map<string, string>>
  /** Writes what its rollout reads beside its own rows. */
  keep(context: RunContext, operationId: string, organizationIds: string[]): Promise<void>
}

export interface RolloutKind {
  /** Whose gates are asked before anything is sent. */
  tool: string
  /** Where that tool has several actions: which of them this is. */
  actionOf?(rollout: Pick<RolloutFacts, 'task'>): string
  /** Throws a refusal where nothing takes it back; without it, nothing ever does. */
  inverse?(
    context: TransactionContext,
    rollout: RolloutFacts,
    given: { secrets: Readonly<Record<string, string>> },
  ): Promise<Inverse>
  /** Their stage begins: when each may start, or that it is passed over. */
  begin(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
  /** They are at work: what follows from what they told. Sends nothing but what reads. */
  observe(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
  /** They are due and connected: sends them what they are due for, in the reach of whose act it is. */
  act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
}

/** Why a command that its device had not got yet was taken back: the device is due again when the rollout goes on. */
export const RECALLED = 'the rollout does not go on for now'

export const irreversible = (reason: string): KernelError =>
  new KernelError({ code: 'unsupported', reason, remedy: 'Look at the devices and mend what is wrong there.' })

/** A device that is away is not left as it is for that. */
export const UNDO_WAIT_MINUTES = 7 * 24 * 60
