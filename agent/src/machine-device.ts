import { setTimeout as sleep } from 'node:timers/promises'
import type { SignedCancel, SignedCommand } from '@breeze/contract/agent-commands'
import type { AgentConfiguration } from '@breeze/contract/agent-configuration'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { between } from './backoff.ts'
import { COLLECTORS, Inventory } from './collectors/collect.ts'
import type { Collector } from './collectors/section.ts'
import { SentSoftware } from './collectors/sent-software.ts'
import type { CommandRunner } from './command-runner.ts'
import { ConfigurationStore } from './configuration-store.ts'
import type { Device, HeartbeatBody, InventoryBody, Reply, Welcome } from './device.ts'
import { DeviceKeys } from './device-keys.ts'
import { VitalsReader } from './heartbeat.ts'
import type { IdentityHolder } from './identity-store.ts'
import type { Journal } from './journal.ts'
import { EventShipper } from './events/event-shipper.ts'
import { EventStore } from './events/event-store.ts'
import { errorText, type Log } from './log.ts'
import { type Measuring, MetricReporter } from './metrics/reporter.ts'
import { SampleStore } from './metrics/sample-store.ts'
import { Sampler } from './metrics/sampler.ts'
import { bootId } from './platform/machine.ts'
import { rebootPending } from './platform/reboot-pending.ts'
import type { ServerClock } from './server-clock.ts'
import { decideServerKeys } from './server-keys.ts'
import { AGENT_VERSION } from './version.ts'

/** Reading a section may hang; the device goes online without it then. */
const FIRST_LOOK_MS = 10_000
/** A machine that just came up has better to do than costly reads, and a whole fleet may come up together. */
const FIRST_COSTLY_LOOK_MS = 20_000
/** After a command, so that several in a row cost one look. */
const AFTER_COMMAND_MS = 2000
/** What a command may have changed, and is cheap to look at. */
const CHANGED_BY_COMMANDS = ['services', 'software'] as const satisfies readonly SectionName[]

export interface MachineDeviceOptions {
  identity: IdentityHolder
  /** As given at enrollment. */
  machineId: string
  stateDirectory: string
  journal: Journal
  clock: ServerClock
  capabilities: Collector<'capabilities'>
  metrics: Measuring
  /** How often the logs are looked at. */
  eventsEveryMs: number
  isolated: () => boolean
  /** The server let this version of the agent in. Answers the command that ordered it, where it was on trial until now. */
  proven: () => Promise<string | undefined>
  onCopied: () => void
  log: Log
}

/** This machine. */
export class MachineDevice implements Device {
  readonly agentVersion = AGENT_VERSION
  readonly bootId = bootId()
  readonly machineId: string
  readonly #options: MachineDeviceOptions
  readonly #identity: IdentityHolder
  readonly #keys: DeviceKeys
  readonly #configuration: ConfigurationStore
  readonly #vitals = new VitalsReader()
  readonly #inventory: Inventory
  readonly #metrics: MetricReporter
  readonly #events: EventShipper
  #runner: CommandRunner | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #firstCostlyLook: ReturnType<typeof setTimeout> | undefined
  #lookAfterCommand: ReturnType<typeof setTimeout> | undefined
  #reply: Reply | undefined
  /** What was under way then must not set a clock again: it would keep the process alive. */
  #stopped = false

  private constructor(
    options: MachineDeviceOptions,
    configuration: ConfigurationStore,
    stores: { samples: SampleStore; events: EventStore },
  ) {
    this.#options = options
    this.#identity = options.identity
    this.#keys = new DeviceKeys(options.identity, options.log)
    this.#configuration = configuration
    this.machineId = options.machineId
    const sent = new SentSoftware(options.stateDirectory, options.log)
    this.#inventory = new Inventory({ ...COLLECTORS, capabilities: options.capabilities }, undefined, sent)
    const { clock, log, metrics } = options
    this.#metrics = new MetricReporter({
      deviceId: this.deviceId,
      sampler: new Sampler(metrics.source, () => clock.now(), log),
      store: stores.samples,
      log,
      everyMs: metrics.everyMs,
    })
    this.#events = new EventShipper({
      store: stores.events,
      watches: () => this.configuration.eventWatches,
      log,
      everyMs: options.eventsEveryMs,
    })
  }

  static async open(options: MachineDeviceOptions): Promise<MachineDevice> {
    const { stateDirectory, identity, log } = options
    const { deviceId } = identity.current
    const stores = {
      samples: await SampleStore.open(stateDirectory, deviceId, log),
      events: await EventStore.open(stateDirectory, deviceId, log),
    }
    return new MachineDevice(options, await ConfigurationStore.open(stateDirectory, log), stores)
  }

  get deviceId(): string {
    return this.#identity.current.deviceId
  }

  get serverKeys(): readonly ServerKey[] {
    return this.#identity.current.serverKeys
  }

  get configuration(): AgentConfiguration {
    return this.#configuration.configuration
  }

  get configurationEtag(): string | null {
    return this.#configuration.etag
  }

  /** The runner needs this device's keys and this device needs the runner, hence the second step. */
  async start(runner: CommandRunner): Promise<void> {
    this.#runner = runner
    await Promise.race([this.refresh(this.#inventory.cheap), sleep(FIRST_LOOK_MS, undefined, { ref: false })])
    await this.#metrics.start()
    if (this.#stopped) return
    this.#events.start()
    this.#firstCostlyLook = setTimeout(() => void this.#refreshDue([]), between(1, 2) * FIRST_COSTLY_LOOK_MS)
    this.#schedule()
  }

  /** Settles when what it measured and found is on the disk. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#firstCostlyLook)
    clearTimeout(this.#lookAfterCommand)
    clearInterval(this.#timer)
    await Promise.all([this.#metrics.stop(), this.#events.stop()])
  }

  sign(message: string): string {
    return this.#keys.sign(message)
  }

  heartbeat(): HeartbeatBody {
    return {
      ...this.#vitals.read(),
      bootId: this.bootId,
      rebootPending: rebootPending(),
      isolated: this.#options.isolated(),
      roundTripMs: null,
      configurationEtag: this.configurationEtag,
      sections: { ...this.#inventory.hashes },
      unacknowledged: this.#options.journal.unacknowledged,
    }
  }

  inventory(sections: readonly SectionName[], whole: readonly SectionName[]): Promise<InventoryBody> {
    return this.#inventory.collect(sections, whole)
  }

  /** Reads sections anew, also the costly ones, for sending them at once. */
  async look(sections: readonly SectionName[]): Promise<InventoryBody> {
    return await this.#inventory.readAndCollect(sections)
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
    this.#reply = reply
    await this.#considerKeys(welcome.serverKeys)
    await this.#proven(reply)
    await this.#runner?.welcomed(reply)
    await this.#metrics.welcomed(reply)
    this.#events.welcomed(reply)
    await this.#keys.welcomed(reply, this.#options.clock.now())
  }

  async resultRecorded(commandId: string): Promise<void> {
    await this.#runner?.resultRecorded(commandId)
    clearTimeout(this.#lookAfterCommand)
    if (this.#stopped) return
    this.#lookAfterCommand = setTimeout(() => void this.#lookAround(), AFTER_COMMAND_MS)
  }

  async metricsRecorded(until: string): Promise<void> {
    await this.#metrics.recorded(until)
  }

  eventsRecorded(sequence: number): void {
    this.#events.recorded(sequence)
  }

  async configure(etag: string, configuration: AgentConfiguration): Promise<boolean> {
    await this.#configuration.replace(etag, configuration)
    this.#options.log('configured', { etag })
    this.#schedule()
    return true
  }

  async keyRotated(publicKey: string): Promise<void> {
    await this.#keys.confirmed(publicKey)
  }

  hasAnotherKey(): boolean {
    return this.#keys.refused()
  }

  copied(): void {
    this.#options.onCopied()
  }

  async #proven(reply: Reply): Promise<void> {
    try {
      const ordered = await this.#options.proven()
      if (ordered !== undefined) await this.#runner?.settle(ordered, reply)
    } catch (error) {
      // A folder that can't be written: the next welcome tries again, and until then it is on trial.
      this.#options.log('versions_error', { message: errorText(error) })
    }
  }

  async #considerKeys(offered: readonly ServerKey[]): Promise<void> {
    const { log } = this.#options
    const { pinnedServerKeys, serverKeys } = this.#identity.current
    const decision = decideServerKeys(pinnedServerKeys, serverKeys, offered)
    if (decision.decision === 'refused') log('server_keys_refused', { reason: decision.reason })
    if (decision.decision !== 'accepted') return
    log('server_keys_changed', { ids: decision.keys.map((key) => key.id).join(' ') })
    // In force at once, so that a command right behind the welcome is judged by the new set.
    await this.#identity.update((identity) => ({ ...identity, serverKeys: decision.keys }))
  }

  /** How often the sections are read to see whether they changed. */
  #schedule(): void {
    clearInterval(this.#timer)
    if (this.#stopped) return
    this.#timer = setInterval(() => this.#look(), this.configuration.inventorySeconds * 1000)
  }

  #look(): void {
    // A connection may outlive a key.
    if (this.#reply) void this.#keys.rotateWhenDue(this.#reply, this.#options.clock.now())
    void this.#refreshDue(this.#inventory.cheap)
  }

  /** After a command. What it changed is told at once, not with the next heartbeat in its turn. */
  async #lookAround(): Promise<void> {
    const before = JSON.stringify(this.#inventory.hashes)
    await this.refresh(CHANGED_BY_COMMANDS)
    if (JSON.stringify(this.#inventory.hashes) !== before) {
      await this.#reply?.({ type: 'heartbeat', sentAt: new Date().toISOString(), ...this.heartbeat() })
    }
    await this.#refreshDue([])
  }

  /** The costly ones behind the others, because new software makes them due. */
  async #refreshDue(sections: readonly SectionName[]): Promise<void> {
    await this.refresh(sections)
    await this.refresh(this.#inventory.due(this.configuration.updatesSeconds))
  }
}
