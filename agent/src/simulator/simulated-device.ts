import type { KeyObject } from 'node:crypto'
import type { SignedCommand } from '@breeze/contract/agent-commands'
import type { SectionName } from '@breeze/contract/agent-inventory'
import { CommandRunner } from '../command-runner.ts'
import { Connection, type ConnectionTiming } from '../connection.ts'
import type { Device, HeartbeatBody, InventoryBody, Reply, Welcome } from '../device.ts'
import { signText } from '../device-key.ts'
import type { Journal } from '../journal.ts'
import { errorText, type Log } from '../log.ts'
import { ServerClock } from '../server-clock.ts'
import { AGENT_VERSION } from '../version.ts'
import { simulatedExecutors } from './executors.ts'
import { type Boot, type Facts, factsOf, hashesOf, inventoryOf, type SimulatedSection } from './facts.ts'
import type { PlannedDevice } from './fleet.ts'
import type { KeyRing } from './key-ring.ts'
import { MemoryJournal } from './memory-journal.ts'
import { type Chance, seededChance, seededHex, seededKey } from './seeded.ts'
import type { Recorder } from './statistics.ts'

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
}

const DAY_SECONDS = 86_400
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
  readonly #key: KeyObject
  readonly #facts: Facts
  readonly #chance: Chance
  readonly #clock = new ServerClock()
  readonly #journal = new MemoryJournal()
  readonly #sent = new Map<string, number>()
  #boots = 0
  #boot: Boot
  #hashes: Record<SimulatedSection, string>
  #runner: CommandRunner | undefined
  #connection: Connection | undefined
  #down: ReturnType<typeof setTimeout> | undefined
  #introduced: (() => void) | undefined
  #stopped = false
  #welcomedAt = 0

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options
    this.#key = seededKey(options.seed)
    this.#facts = factsOf(options.planned, options.seed)
    this.#chance = seededChance(`${options.seed}\nlife`)
    const uptimeSeconds = this.#chance.between(600, 30 * DAY_SECONDS)
    this.#boot = this.#newBoot(new Date(Date.now() - uptimeSeconds * 1000))
    this.#hashes = hashesOf(this.#facts, this.#boot)
  }

  get name(): string {
    return this.#options.planned.name
  }

  get deviceId(): string {
    return this.#options.deviceId
  }

  get bootId(): string {
    return this.#boot.id
  }

  get machineId(): string {
    return this.#facts.machineId
  }

  readonly configurationEtag = null

  get isOnline(): boolean {
    return this.#connection?.state === 'online'
  }

  /** `performance.now()` of the latest welcome. */
  get welcomedAt(): number {
    return this.#welcomedAt
  }

  start(): void {
    const { server, log, keys, connection: timing } = this.#options
    const runner = new CommandRunner({
      deviceId: this.deviceId,
      // The runner names the class and uses only what MemoryJournal implements, which the compiler checks there.
      journal: this.#journal as unknown as Journal,
      clock: this.#clock,
      log,
      serverKeys: () => keys.trusted,
      sweep: async () => undefined,
      executors: simulatedExecutors({
        look: () => ({ facts: this.#facts, bootedAt: this.#boot.at, now: new Date() }),
        power: (action) => this.#power(action),
      }),
    })
    const connection = new Connection({ servers: [server], device: this, log, timing })
    this.#runner = runner
    this.#connection = connection
    // What ran when the device went down is found interrupted, as on a real one; the journal is in memory: no wait.
    this.#background(runner.recover().then(() => connection.start()))
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
    clearTimeout(this.#down)
    this.#introduced?.()
    await this.#runner?.stop()
    await this.#connection?.stop(reason)
  }

  sign(message: string): string {
    return signText(this.#key, message)
  }

  heartbeat(): HeartbeatBody {
    this.#options.recorder.heartbeats++
    const { totalBytes, availableBytes } = this.#facts.memory
    return {
      bootId: this.#boot.id,
      uptimeSeconds: Math.round((Date.now() - this.#boot.at.getTime()) / 1000),
      cpuPercent: this.#chance.between(1, 35),
      memoryPercent: Math.round(100 * (1 - availableBytes / totalBytes)),
      rebootPending: null,
      roundTripMs: null,
      configurationEtag: this.configurationEtag,
      sections: { ...this.#hashes },
      unacknowledged: this.#journal.unacknowledged,
    }
  }

  inventory(names: readonly SectionName[]): InventoryBody {
    // Behind the answer that is about to be sent.
    if (this.#introduced) setTimeout(this.#introduced, 50)
    return inventoryOf(this.#facts, this.#boot, names)
  }

  async handleCommand(command: SignedCommand, reply: Reply): Promise<void> {
    await this.#runner?.handle(command, this.#noting(reply))
  }

  async welcomed(welcome: Welcome, reply: Reply): Promise<void> {
    this.#welcomedAt = performance.now()
    this.#clock.learn(welcome.serverTime)
    this.#options.keys.consider(welcome.serverKeys)
    if (this.#introduced) setTimeout(this.#introduced, INTRODUCTION_MS)
    await this.#runner?.welcomed(this.#noting(reply))
  }

  async resultRecorded(commandId: string): Promise<void> {
    const sentAt = this.#sent.get(commandId)
    if (sentAt !== undefined) this.#options.recorder.acks.add(performance.now() - sentAt)
    this.#sent.delete(commandId)
    await this.#runner?.resultRecorded(commandId)
  }

  /** Remembers when a result went out. */
  #noting(reply: Reply): Reply {
    return (frame) => {
      if (frame.type === 'result') {
        this.#options.recorder.results++
        this.#sent.set(frame.commandId, performance.now())
      }
      return reply(frame)
    }
  }

  #power(action: 'reboot' | 'shutdown'): void {
    const { rebootMs, log } = this.#options
    log(action)
    // Not waited for: the command that asked for this is one of those the runner ends.
    this.#background(this.#runner?.stop())
    this.#background(this.#connection?.stop(action))
    if (action === 'shutdown' || this.#stopped) return
    this.#down = setTimeout(
      () => {
        this.#boot = this.#newBoot(new Date())
        this.#hashes = hashesOf(this.#facts, this.#boot)
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
