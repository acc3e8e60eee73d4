import { commandPayload, type SignedCancel, type SignedCommand } from '@breeze/contract/agent-commands'
import type { EventEntry } from '@breeze/contract/agent-events'
import type { AgentConfiguration } from '@breeze/contract/agent-configuration'
import type { SectionData, SectionName } from '@breeze/contract/agent-inventory'
import { CommandRunner } from '../command-runner.ts'
import { Connection, type ConnectionTiming } from '../connection.ts'
import type { Device, HeartbeatBody, InventoryBody, Reply, Welcome } from '../device.ts'
import { signText } from '../device-key.ts'
import type { Journal } from '../journal.ts'
import { errorText, type Log } from '../log.ts'
import { ServerClock } from '../server-clock.ts'
import type { Transport } from '../transport.ts'
import { AGENT_VERSION } from '../version.ts'
import { simulatedExecutors } from './executors.ts'
import { type Facts, factsOf } from './facts.ts'
import type { PlannedDevice } from './fleet.ts'
import type { KeyRing } from './key-ring.ts'
import { Logged, type LoggedEntry } from './logged.ts'
import { type Course, Measured } from './measured.ts'
import { MemoryJournal } from './memory-journal.ts'
import {
  type Boot,
  type DeviceState,
  type Hashes,
  hashesOf,
  hashOf,
  inventoryOf,
  type TellableSection,
  type ToldSections,
} from './sections.ts'
import { type Chance, seededChance, seededHex, seededKey } from './seeded.ts'
import { type ServiceState, servicesOf, type ServiceStates } from './services.ts'
import type { SimulatedIsolation, SimulatedMachine } from './simulated-machine.ts'
import { Software } from './software-catalogue.ts'
import type { Recorder } from './statistics.ts'
import { ToldEvents } from './told-events.ts'
import { type Patches, seededPatches } from './updates.ts'

export interface SimulatedDeviceOptions {
  planned: PlannedDevice
  deviceId: string
  /** Of this device alone: the fleet's seed and the name. */
  seed: string
  server: string
  keys: KeyRing
  recorder: Recorder
  log: Log
  /** How long a reboot takes. */
  rebootMs: readonly [number, number]
  connection: Partial<ConnectionTiming>
  transport: Transport
  quirks: Quirks
  /** The time that its clock goes by. */
  now(): number
  /** Takes samples from the beginning. */
  measures: boolean
  /** What it lacks and what was tried; by its seed, when left out. */
  patches?: Patches | undefined
}

/** How a device differs from a well-behaved one. */
export interface Quirks {
  /** Installed packages. */
  packages: number
  /** Its clock is off by up to so much, either way. */
  clockSkewMs: number
  /** What it says of a command it says twice, and it sees each command twice. */
  twice: boolean
  /** Share of scripts that fail. */
  failingScripts: number
  /** Share of updates that can not be installed at the first try. */
  failingUpdates: number
}

const issued = commandPayload.pick({ issuedAt: true })
const DAY_SECONDS = 86_400
const AS_BOOTED: ServiceStates = new Map()
/** An inventory that the server did not ask for by then, it holds already. */
const INTRODUCTION_MS = 3000
/** A server that does not let it in by then will not. */
const INTRODUCTION_PATIENCE_MS = 30_000

/** The text from which everything about one device follows. */
export const deviceSeed = (fleetSeed: string, name: string): string => `breeze-simulated-device\n${fleetSeed}\n${name}`

/** A machine that exists only here: real key, real frames, real signature checks; its journal survives its boots. */
export class SimulatedDevice implements Device {
  readonly agentVersion = AGENT_VERSION
  readonly #options: SimulatedDeviceOptions
  readonly #facts: Facts
  readonly #chance: Chance
  /** Milliseconds that its clock is ahead. */
  readonly #skewMs: number
  readonly #clock: ServerClock
  readonly #journal = new MemoryJournal()
  readonly #sent = new Map<string, number>()
  readonly #software: Software
  readonly #measured: Measured
  #patches: Patches
  #restartDue: boolean | null = null
  #isolation: SimulatedIsolation | null = null
  #services: ServiceStates = AS_BOOTED
  #told: ToldSections = new Map()
  #configurationEtag: string | null = null
  #boots = 0
  #boot: Boot
  #hashes: Hashes
  #runner: CommandRunner | undefined
  #connection: Connection | undefined
  #down: ReturnType<typeof setTimeout> | undefined
  #introduced: (() => void) | undefined
  #stopped = false
  #measures: boolean
  #welcomedAt = 0
  readonly #events = new ToldEvents()
  readonly #log = new Logged((entries) => this.#events.tell(entries))
  /** What it says of its way to the server instead of what is measured. */
  #slowMs: number | null = null

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options
    this.#facts = factsOf(options.planned, options.seed)
    this.#measures = options.measures
    this.#chance = seededChance(`${options.seed}\nlife`)
    const { clockSkewMs, packages } = options.quirks
    this.#skewMs = Math.round((2 * this.#chance.next() - 1) * clockSkewMs)
    this.#clock = new ServerClock(() => this.#now())
    this.#software = new Software(this.#facts.system.family, this.#chance.between(0, 2 ** 31), packages)
    this.#patches = options.patches ?? seededPatches(this.#facts, this.#now())
    const uptimeSeconds = this.#chance.between(600, 30 * DAY_SECONDS)
    this.#boot = this.#newBoot(new Date(this.#now() - uptimeSeconds * 1000))
    this.#hashes = hashesOf(this.#state())
    this.#measured = new Measured({
      deviceId: options.deviceId,
      facts: this.#facts,
      chance: this.#chance,
      now: () => this.#now(),
      bootedAt: () => this.#boot.at,
    })
  }

  get facts(): Facts {
    return this.#facts
  }

  get name(): string {
    return this.#options.planned.name
  }

  get deviceId(): string {
    return this.#options.deviceId
  }

  /** By its own clock. */
  get now(): Date {
    return new Date(this.#now())
  }

  get bootId(): string {
    return this.#boot.id
  }

  get machineId(): string {
    return this.#facts.machineId
  }

  get configurationEtag(): string | null {
    return this.#configurationEtag
  }

  get isOnline(): boolean {
    return this.#connection?.state === 'online'
  }

  /** `performance.now()` of the latest welcome. */
  get welcomedAt(): number {
    return this.#welcomedAt
  }

  start(): void {
    const { server, log, keys, connection: timing, transport } = this.#options
    const runner = new CommandRunner({
      deviceId: this.deviceId,
      // The runner names the class and uses only what MemoryJournal implements, which the compiler checks there.
      journal: this.#journal as unknown as Journal,
      clock: this.#clock,
      log,
      serverKeys: () => keys.trusted,
      sweep: async () => undefined,
      executors: simulatedExecutors(this.#machine()),
      look: (sections) => this.inventory(sections, []),
    })
    const connection = new Connection({ servers: [server], transport, device: this, log, timing })
    this.#runner = runner
    this.#connection = connection
    // What ran when the device went down is found interrupted, as on a real one; the journal is in memory: no wait.
    this.#background(runner.recover().then(() => connection.start()))
    if (this.#measures) this.#measured.start()
  }

  /** Connects, shows its inventory, and goes as a machine that is switched off. */
  async introduce(): Promise<void> {
    const introduced = new Promise<void>((resolve) => {
      this.#introduced = resolve
    })
    const impatience = setTimeout(() => this.#introduced?.(), INTRODUCTION_PATIENCE_MS)
    this.start()
    await introduced
    clearTimeout(impatience)
    await this.stop('shutdown')
  }

  async stop(reason: 'stop' | 'shutdown'): Promise<void> {
    this.#stopped = true
    this.#measured.stop()
    clearTimeout(this.#down)
    this.#introduced?.()
    await this.#runner?.stop()
    await this.#connection?.stop(reason)
  }

  sign(message: string): string {
    // Derived anew: it is needed once a connection, and ten thousand kept keys take memory all the time.
    return signText(seededKey(this.#options.seed), message)
  }

  /** Some packages change, and a service goes down or comes back. */
  churn(): void {
    this.#software.change(this.#chance)
    const services = servicesOf(this.#facts, this.#services)
    const service = services[this.#chance.between(0, services.length - 1)]
    if (service) this.#setService(service.name, service.state === 'running' ? 'stopped' : 'running')
    this.#hashes = { ...this.#hashes, software: hashOf('software', this.#state()) }
  }

  measure(isOn: boolean): void {
    this.#measures = isOn
    this.#measured.stop()
    if (isOn && !this.#stopped) this.#measured.start()
  }

  /** From now on it measures this; with `since`, it tells also what it measured from then until now. */
  follow(course: Course, since?: Date): void {
    this.#measured.follow(course, since)
  }

  setPatches(patches: Patches): void {
    this.#patches = patches
    const state = this.#state()
    this.#hashes = {
      ...this.#hashes,
      updates: hashOf('updates', state),
      update_history: hashOf('update_history', state),
      posture: hashOf('posture', state),
    }
  }

  /** From now on the section has this content, as read at that time. The next heartbeat tells. */
  tell<N extends TellableSection>(name: N, data: SectionData<N>, collectedAt: Date): void {
    this.#told = new Map([...this.#told, [name, { data, collectedAt }]])
    this.#hashes = { ...this.#hashes, [name]: hashOf(name, this.#state()) }
  }

  /** It went up or down at that time, or just now; what is done to it later happens then. */
  tellService(name: string, state: ServiceState, collectedAt = new Date(this.#now())): void {
    this.#setService(name, state)
    this.#told = new Map([...this.#told, ['services', { collectedAt }]])
  }

  /** Writes into its event logs, also at times that are over. */
  log(entries: readonly LoggedEntry[]): void {
    this.#log.write(entries)
  }

  /** Sends entries of its event logs, as if watches had matched; at any time in the past. */
  tellEvents(entries: EventEntry[]): void {
    this.#events.tell(entries)
  }

  eventsRecorded(sequence: number): void {
    this.#events.recorded(sequence)
  }

  /** A minute of its life at once: a sample and a heartbeat. */
  minute(): void {
    this.#connection?.beat()
    this.#measured.take()
  }

  /** The server has all that it measured. */
  get isTold(): boolean {
    return this.#measured.isTold
  }

  /** Answers after about so long from now on; null: as fast as it really is. */
  answerAfter(milliseconds: number | null): void {
    this.#slowMs = milliseconds
  }

  /** With its own idea of when that was. */
  heartbeat(): HeartbeatBody & { sentAt: string } {
    const { totalBytes, availableBytes } = this.#facts.memory
    const roundTripMs =
      this.#slowMs === null ? (this.#connection?.roundTripMs ?? null) : this.#slowMs * (0.9 + this.#chance.next() / 5)
    this.#options.recorder.heartbeat(Object.keys(this.#hashes).length, roundTripMs)
    return {
      sentAt: new Date(this.#now()).toISOString(),
      bootId: this.#boot.id,
      uptimeSeconds: Math.round((this.#now() - this.#boot.at.getTime()) / 1000),
      cpuPercent: this.#chance.between(1, 35),
      memoryPercent: Math.round(100 * (1 - availableBytes / totalBytes)),
      rebootPending: this.#restartDue,
      isolated: this.#isolated() !== null,
      roundTripMs,
      configurationEtag: this.configurationEtag,
      sections: this.#hashes,
      unacknowledged: this.#journal.unacknowledged,
    }
  }

  inventory(names: readonly SectionName[], whole: readonly SectionName[]): InventoryBody {
    this.#options.recorder.askedFor(names.length)
    // Behind the answer that is about to be sent.
    if (this.#introduced) setTimeout(this.#introduced, 50)
    return inventoryOf(this.#state(), this.#hashes, names, whole)
  }

  configure(etag: string, { eventWatches }: AgentConfiguration): boolean {
    this.#options.recorder.configured()
    this.#log.watch(eventWatches ?? [])
    this.#configurationEtag = etag
    return true
  }

  async handleCommand(command: SignedCommand, reply: Reply): Promise<void> {
    this.#noteDelivery(command)
    const { twice } = this.#options.quirks
    const deliveries = Array.from({ length: twice ? 2 : 1 }, () => this.#runner?.handle(command, this.#noting(reply)))
    await Promise.all(deliveries)
  }

  async handleCancel(cancel: SignedCancel, reply: Reply): Promise<void> {
    await this.#runner?.cancel(cancel, this.#noting(reply))
  }

  async welcomed(welcome: Welcome, reply: Reply): Promise<void> {
    this.#welcomedAt = performance.now()
    this.#clock.learn(welcome.serverTime)
    this.#options.keys.consider(welcome.serverKeys)
    if (this.#introduced) setTimeout(this.#introduced, INTRODUCTION_MS)
    await this.#runner?.welcomed(this.#noting(reply))
    this.#events.welcomed(reply)
    this.#measured.welcomed(reply)
  }

  metricsRecorded(until: string): void {
    this.#measured.recorded(until)
  }

  async resultRecorded(commandId: string): Promise<void> {
    const sentAt = this.#sent.get(commandId)
    if (sentAt !== undefined) this.#options.recorder.acknowledged(performance.now() - sentAt)
    this.#sent.delete(commandId)
    await this.#runner?.resultRecorded(commandId)
  }

  /** Remembers when a result went out. */
  #noting(reply: Reply): Reply {
    return (frame) => {
      if (frame.type === 'result') {
        this.#options.recorder.result()
        this.#sent.set(frame.commandId, performance.now())
      }
      if (this.#options.quirks.twice) void reply(frame)
      return reply(frame)
    }
  }

  #noteDelivery({ payload }: SignedCommand): void {
    const parsed = issued.safeParse(JSON.parse(payload))
    if (parsed.success) this.#options.recorder.delivered(this.#clock.now() - Date.parse(parsed.data.issuedAt))
  }

  #now(): number {
    return this.#options.now() + this.#skewMs
  }

  #state(): DeviceState {
    return {
      facts: this.#facts,
      boot: this.#boot,
      services: this.#services,
      software: this.#software,
      patches: this.#patches,
      restartDue: this.#restartDue,
      told: this.#told,
      now: this.#now(),
    }
  }

  #machine(): SimulatedMachine {
    return {
      look: () => ({
        facts: this.#facts,
        bootedAt: this.#boot.at,
        now: new Date(this.#now()),
        services: () => servicesOf(this.#facts, this.#services),
      }),
      power: (action) => this.#power(action),
      setService: (name, state) => this.#setService(name, state),
      readLog: (query) => this.#log.read(query),
      failing: this.#options.quirks.failingScripts,
      failingUpdates: this.#options.quirks.failingUpdates,
      patches: () => this.#patches,
      patched: (patches, restartDue) => {
        if (restartDue) this.#restartDue = true
        this.setPatches(patches)
      },
      restartDue: () => this.#restartDue,
      isolation: () => this.#isolated(),
      isolate: (seconds) => {
        const until = seconds === 0 ? null : new Date(this.#clock.now() + (seconds ?? 0) * 1000)
        this.#isolation = seconds === null ? null : { until }
      },
    }
  }

  #isolated(): SimulatedIsolation | null {
    const until = this.#isolation?.until
    if (until && this.#clock.now() >= until.getTime()) this.#isolation = null
    return this.#isolation
  }

  #setService(name: string, state: ServiceState): void {
    this.#services = new Map([...this.#services, [name, state]])
    this.#told = new Map([...this.#told].filter(([section]) => section !== 'services'))
    this.#hashes = { ...this.#hashes, services: hashOf('services', this.#state()) }
  }

  #power(action: 'reboot' | 'shutdown'): void {
    const { rebootMs, log } = this.#options
    log(action)
    this.#measured.stop()
    // Not waited for: the command that asked for this is one of those the runner ends.
    this.#background(this.#runner?.stop())
    this.#background(this.#connection?.stop(action))
    if (action === 'shutdown' || this.#stopped) return
    this.#down = setTimeout(
      () => {
        this.#boot = this.#newBoot(new Date(this.#now()))
        this.#services = AS_BOOTED
        this.#restartDue &&= false
        this.#told = new Map([...this.#told].filter(([section]) => section !== 'services'))
        this.#hashes = hashesOf(this.#state())
        this.start()
      },
      this.#chance.between(...rebootMs),
    )
  }

  /** The first boot's id follows from the seed; each later one is new. */
  #newBoot(at: Date): Boot {
    const salt = this.#boots++ === 0 ? '' : `\n${at.getTime()}`
    return { id: seededHex(`${this.#options.seed}\nboot${salt}`), at }
  }

  #background(work: Promise<void> | undefined): void {
    work?.catch((error: unknown) => this.#options.log('device_error', { message: errorText(error) }))
  }
}
