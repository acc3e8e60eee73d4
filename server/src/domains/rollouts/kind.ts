/** What a rollout asks of whatever it carries out: when a device may begin, what became of it, what to send it next. */
import type { Tx } from '../../kernel/db.ts'
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

export interface RolloutKind {
  /** Whose gates are asked before anything is sent. */
  tool: string
  /** Where that tool has several actions: which of them this is. */
  actionOf?(rollout: Pick<RolloutFacts, 'task'>): string
  /** Their stage begins: when each may start, or that it is passed over. */
  begin(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
  /** They are at work: what follows from what they told. Sends nothing but what reads. */
  observe(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
  /** They are due and connected: sends them what they are due for, in the reach of whose act it is. */
  act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]>
}

/** Why a command that its device had not got yet was taken back: the device is due again when the rollout goes on. */
export const RECALLED = 'the rollout does not go on for now'
