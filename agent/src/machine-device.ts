import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SignedCancel, SignedCommand } from '@breeze/contract/agent-commands'
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { between } from './backoff.ts'
import { COLLECTORS, Inventory } from './collectors/collect.ts'
import type { Collector } from './collectors/section.ts'
import { SentSoftware } from './collectors/sent-software.ts'
import type { CommandRunner } from './command-runner.ts'
import type { Device, HeartbeatBody, InventoryBody, Reply, Welcome } from './device.ts'
import { importPrivateKey, signText } from './device-key.ts'
import { VitalsReader } from './heartbeat.ts'
import { type EnrolledIdentity, saveIdentity } from './identity-store.ts'
import type { Journal } from './journal.ts'
import { errorText, type Log } from './log.ts'
import { bootId } from './platform/machine.ts'
import { rebootPending } from './platform/reboot-pending.ts'
import type { ServerClock } from './server-clock.ts'
import { decideServerKeys } from './server-keys.ts'
import { AGENT_VERSION } from './version.ts'

/** Reading a section may hang; the device goes online without it then. */
const FIRST_LOOK_MS = 10_000
/** A machine that just came up has better to do than costly reads, and a whole fleet may come up together. */
const FIRST_COSTLY_LOOK_MS = 20_000

export interface MachineDeviceOptions {
  identity: EnrolledIdentity
  /** As given at enrollment. */
  machineId: string
  stateDirectory: string
  journal: Journal
  clock: ServerClock
  capabilities: Collector<'capabilities'>
  log: Log
}

/** This machine. */
export class MachineDevice implements Device {
  readonly agentVersion = AGENT_VERSION
  readonly bootId = bootId()
  readonly machineId: string
  readonly configurationEtag = null
  readonly #options: MachineDeviceOptions
  readonly #key: KeyObject
  readonly #vitals = new VitalsReader()
  readonly #inventory: Inventory
  #identity: EnrolledIdentity
  #runner: CommandRunner | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #firstCostlyLook: ReturnType<typeof setTimeout> | undefined

  constructor(options: MachineDeviceOptions) {
    this.#options = options
    this.#identity = options.identity
    this.machineId = options.machineId
    this.#key = importPrivateKey(options.identity.privateKey)
    const sent = new SentSoftware(options.stateDirectory, options.log)
    this.#inventory = new Inventory({ ...COLLECTORS, capabilities: options.capabilities }, undefined, sent)
  }

  get deviceId(): string {
    return this.#identity.deviceId
  }

  get serverKeys(): readonly ServerKey[] {
    return this.#identity.serverKeys
  }

  /** The runner needs this device's keys and this device needs the runner, hence the second step. */
  async start(runner: CommandRunner): Promise<void> {
    this.#runner = runner
    const { inventorySeconds } = DEFAULT_CONFIGURATION
    await Promise.race([this.refresh(this.#inventory.cheap), sleep(FIRST_LOOK_MS, undefined, { ref: false })])
    this.#firstCostlyLook = setTimeout(() => void this.#refreshDue(), between(1, 2) * FIRST_COSTLY_LOOK_MS)
    this.#timer = setInterval(() => void this.#refreshDue(this.#inventory.cheap), inventorySeconds * 1000)
  }

  stop(): void {
    clearTimeout(this.#firstCostlyLook)
    clearInterval(this.#timer)
  }

  sign(message: string): string {
    return signText(this.#key, message)
  }

  heartbeat(): HeartbeatBody {
    return {
      ...this.#vitals.read(),
      bootId: this.bootId,
      rebootPending: rebootPending(),
      roundTripMs: null,
      configurationEtag: this.configurationEtag,
      sections: { ...this.#inventory.hashes },
      unacknowledged: this.#options.journal.unacknowledged,
    }
  }

  inventory(sections: readonly SectionName[], whole: readonly SectionName[]): Promise<InventoryBody> {
    return this.#inventory.collect(sections, whole)
  }

  /** Reads sections now, as after an act that changed them; the next heartbeat tells. */
  async refresh(sections: readonly SectionName[]): Promise<void> {
    try {
      await this.#inventory.refresh(sections)
    } catch (error) {
      this.#options.log('inventory_error', { message: errorText(error) })
    }
  }

  async handleCommand(command: SignedCommand, reply: Reply): Promise<void> {
    await this.#runner?.handle(command, reply)
  }

  async handleCancel(cancel: SignedCancel, reply: Reply): Promise<void> {
    await this.#runner?.cancel(cancel, reply)
  }

  async welcomed(welcome: Welcome, reply: Reply): Promise<void> {
    this.#options.clock.learn(welcome.serverTime)
    await this.#considerKeys(welcome.serverKeys)
    await this.#runner?.welcomed(reply)
  }

  async resultRecorded(commandId: string): Promise<void> {
    await this.#runner?.resultRecorded(commandId)
  }

  async #considerKeys(offered: readonly ServerKey[]): Promise<void> {
    const { log, stateDirectory } = this.#options
    const decision = decideServerKeys(this.#identity.pinnedServerKeys, this.#identity.serverKeys, offered)
    if (decision.decision === 'refused') log('server_keys_refused', { reason: decision.reason })
    if (decision.decision !== 'accepted') return
    // In force at once, so that a command right behind the welcome is judged by the new set.
    this.#identity = { ...this.#identity, serverKeys: decision.keys }
    log('server_keys_changed', { ids: decision.keys.map((key) => key.id).join(' ') })
    await saveIdentity(stateDirectory, this.#identity)
  }

  #refreshDue(more: readonly SectionName[] = []): Promise<void> {
    return this.refresh([...more, ...this.#inventory.due(DEFAULT_CONFIGURATION.updatesSeconds)])
  }
}
