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
import type { Transport } from '../transport.ts'
import { AGENT_VERSION } from '../version.ts'
import { simulatedExecutors } from './executors.ts'
import type { Facts } from './facts.ts'
import type { PlannedDevice } from './fleet.ts'
import type { KeyRing } from './key-ring.ts'
import { Logged, type LoggedEntry } from './logged.ts'
import { type Course, Measured } from './measured.ts'
import { MemoryJournal } from './memory-journal.ts'
import { Reported } from './reported.ts'
import type { TellableSection } from './sections.ts'
import { seededKey } from './seeded.ts'
import type { ServiceState } from './services.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import type { Recorder } from './statistics.ts'
import { ToldEvents } from './told-events.ts'
import type { Patches } from './updates.ts'

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
  readonly #reported: Reported
  readonly #journal = new MemoryJournal()
  readonly #sent = new Map<string, number>()
  readonly #measured: Measured
  #configurationEtag: string | null = null
  #runner: CommandRunner | undefined
  #connection: Connection | undefined
  #down: ReturnType<typeof setTimeout> | undefined
  #introduced: (() => void) | undefined
  #stopped = false
  #measures: boolean
  #welcomedAt = 0
  readonly #events = new ToldEvents()
  readonly #log = new Logged((entries) => this.#events.tell(entries))

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options
    const { planned, seed, now, patches, quirks, deviceId } = options
    const { packages, clockSkewMs } = quirks
    this.#reported = new Reported({ planned, seed, packages, clockSkewMs, now, patches })
    this.#measures = options.measures
    const { facts, chance } = this.#reported
    this.#measured = new Measured({
      deviceId,
      facts,
      chance,
      now: () => this.#reported.now(),
      bootedAt: () => this.#reported.boot.at,
    })
  }

  get facts(): Facts {
    return this.#reported.facts
  }

  get name(): string {
    return this.#options.planned.name
  }

  get deviceId(): string {
    return this.#options.deviceId
  }

  /** By its own clock. */
  get now(): Date {
    return new Date(this.#reported.now())
  }

  get bootId(): string {
    return this.#reported.boot.id
  }

  get machineId(): string {
    return this.facts.machineId
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
      clock: this.#reported.clock,
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
    this.#reported.churn()
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
    this.#reported.setPatches(patches)
  }

  /** From now on the section has this content, as read at that time. The next heartbeat tells. */
  tell<N extends TellableSection>(name: N, data: SectionData<N>, collectedAt: Date): void {
    this.#reported.tell(name, data, collectedAt)
  }

  /** It went up or down at that time, or just now; what is done to it later happens then. */
  tellService(name: string, state: ServiceState, collectedAt?: Date): void {
    this.#reported.tellService(name, state, collectedAt)
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
    this.#reported.answerAfter(milliseconds)
  }

  /** With its own idea of when that was. */
  heartbeat(): HeartbeatBody & { sentAt: string } {
    const body = this.#reported.heartbeat(this.#connection?.roundTripMs ?? null)
    this.#options.recorder.heartbeat(this.#reported.sections, body.roundTripMs)
    return { ...body, configurationEtag: this.configurationEtag, unacknowledged: this.#journal.unacknowledged }
  }

  inventory(names: readonly SectionName[], whole: readonly SectionName[]): InventoryBody {
    this.#options.recorder.askedFor(names.length)
    // Behind the answer that is about to be sent.
    if (this.#introduced) setTimeout(this.#introduced, 50)
    return this.#reported.inventory(names, whole)
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
    this.#reported.clock.learn(welcome.serverTime)
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
    if (parsed.success) this.#options.recorder.delivered(this.#reported.clock.now() - Date.parse(parsed.data.issuedAt))
  }

  #machine(): SimulatedMachine {
    const reported = this.#reported
    return {
      look: () => reported.look(),
      power: (action) => this.#power(action),
      setService: (name, state) => reported.setService(name, state),
      readLog: (query) => this.#log.read(query),
      failing: this.#options.quirks.failingScripts,
      failingUpdates: this.#options.quirks.failingUpdates,
      patches: () => reported.patches,
      patched: (patches, restartDue) => reported.patched(patches, restartDue),
      restartDue: () => reported.restartDue,
      isolation: () => reported.isolation,
      isolate: (seconds) => reported.isolate(seconds),
    }
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
        this.#reported.restart()
        this.start()
      },
      this.#reported.chance.between(...rebootMs),
    )
  }

  #background(work: Promise<void> | undefined): void {
    work?.catch((error: unknown) => this.#options.log('device_error', { message: errorText(error) }))
  }
}
