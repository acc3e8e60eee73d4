import type { SectionData, SectionName } from '@breeze/contract/agent-inventory'
import type { HeartbeatBody, InventoryBody } from '../device.ts'
import { ServerClock } from '../server-clock.ts'
import { type Facts, factsOf } from './facts.ts'
import type { PlannedDevice } from './fleet.ts'
import type { Machine } from './machine.ts'
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
import { type Chance, seededChance, seededHex } from './seeded.ts'
import { type ServiceState, servicesOf, type ServiceStates } from './services.ts'
import type { SimulatedIsolation } from './simulated-machine.ts'
import { Software } from './software-catalogue.ts'
import { type Patches, seededPatches } from './updates.ts'

export interface ReportedOptions {
  planned: PlannedDevice
  /** Of this device alone: the fleet's seed and the name. */
  seed: string
  /** Installed packages. */
  packages: number
  /** Its clock is off by up to so much, either way. */
  clockSkewMs: number
  /** The time that its clock goes by. */
  now(): number
  /** What it lacks and what was tried; by its seed, when left out. */
  patches?: Patches | undefined
}

const DAY_SECONDS = 86_400
const AS_BOOTED: ServiceStates = new Map()

/** What a simulated device is and says of itself, by its own clock: boots, sections, heartbeats. It knows no connection. */
export class Reported {
  readonly facts: Facts
  readonly chance: Chance
  /** The server's time, as far as it was told. */
  readonly clock: ServerClock
  readonly #options: ReportedOptions
  /** Milliseconds that its clock is ahead. */
  readonly #skewMs: number
  readonly #software: Software
  #patches: Patches
  #restartDue: boolean | null = null
  #isolation: SimulatedIsolation | null = null
  #services: ServiceStates = AS_BOOTED
  #told: ToldSections = new Map()
  #boots = 0
  #boot: Boot
  #hashes: Hashes
  /** What it says of its way to the server instead of what is measured. */
  #slowMs: number | null = null

  constructor(options: ReportedOptions) {
    const { planned, seed, packages, clockSkewMs, patches } = options
    this.#options = options
    this.facts = factsOf(planned, seed)
    this.chance = seededChance(`${seed}\nlife`)
    this.#skewMs = Math.round((2 * this.chance.next() - 1) * clockSkewMs)
    this.clock = new ServerClock(() => this.now())
    this.#software = new Software(this.facts.system.family, this.chance.between(0, 2 ** 31), packages)
    this.#patches = patches ?? seededPatches(this.facts, this.now())
    const uptimeSeconds = this.chance.between(600, 30 * DAY_SECONDS)
    this.#boot = this.#newBoot(new Date(this.now() - uptimeSeconds * 1000))
    this.#hashes = hashesOf(this.#state())
  }

  now(): number {
    return this.#options.now() + this.#skewMs
  }

  get boot(): Boot {
    return this.#boot
  }

  get patches(): Patches {
    return this.#patches
  }

  get restartDue(): boolean | null {
    return this.#restartDue
  }

  get isolation(): SimulatedIsolation | null {
    const until = this.#isolation?.until
    if (until && this.clock.now() >= until.getTime()) this.#isolation = null
    return this.#isolation
  }

  look(): Machine {
    return {
      facts: this.facts,
      bootedAt: this.#boot.at,
      now: new Date(this.now()),
      services: () => servicesOf(this.facts, this.#services),
    }
  }

  /** For so many seconds, 0: until it is released; null: releases it. */
  isolate(seconds: number | null): void {
    const until = seconds === 0 ? null : new Date(this.clock.now() + (seconds ?? 0) * 1000)
    this.#isolation = seconds === null ? null : { until }
  }

  /** It is another boot from now on. */
  restart(): void {
    this.#boot = this.#newBoot(new Date(this.now()))
    this.#services = AS_BOOTED
    this.#restartDue &&= false
    this.#forgetToldServices()
    this.#hashes = hashesOf(this.#state())
  }

  /** Some packages change, and a service goes down or comes back. */
  churn(): void {
    this.#software.change(this.chance)
    const services = servicesOf(this.facts, this.#services)
    const service = services[this.chance.between(0, services.length - 1)]
    if (service) this.setService(service.name, service.state === 'running' ? 'stopped' : 'running')
    this.#changed('software')
  }

  setPatches(patches: Patches): void {
    this.#patches = patches
    this.#changed('updates', 'update_history', 'posture')
  }

  patched(patches: Patches, restartDue: boolean): void {
    if (restartDue) this.#restartDue = true
    this.setPatches(patches)
  }

  /** From now on the section has this content, as read at that time. */
  tell<N extends TellableSection>(name: N, data: SectionData<N>, collectedAt: Date): void {
    this.#told = new Map([...this.#told, [name, { data, collectedAt }]])
    this.#changed(name)
  }

  setService(name: string, state: ServiceState): void {
    this.#services = new Map([...this.#services, [name, state]])
    this.#forgetToldServices()
    this.#changed('services')
  }

  /** It went up or down at that time, or just now; what is done to it later happens then. */
  tellService(name: string, state: ServiceState, collectedAt = new Date(this.now())): void {
    this.setService(name, state)
    this.#told = new Map([...this.#told, ['services', { collectedAt }]])
  }

  /** Answers after about so long from now on; null: as fast as it really is. */
  answerAfter(milliseconds: number | null): void {
    this.#slowMs = milliseconds
  }

  /** How many sections a heartbeat names. */
  get sections(): number {
    return Object.keys(this.#hashes).length
  }

  /** With its own idea of when that was. */
  heartbeat(
    measuredMs: number | null,
  ): Omit<HeartbeatBody, 'configurationEtag' | 'unacknowledged'> & { sentAt: string } {
    const { totalBytes, availableBytes } = this.facts.memory
    const roundTripMs = this.#slowMs === null ? measuredMs : this.#slowMs * (0.9 + this.chance.next() / 5)
    return {
      sentAt: new Date(this.now()).toISOString(),
      bootId: this.#boot.id,
      uptimeSeconds: Math.round((this.now() - this.#boot.at.getTime()) / 1000),
      cpuPercent: this.chance.between(1, 35),
      memoryPercent: Math.round(100 * (1 - availableBytes / totalBytes)),
      rebootPending: this.#restartDue,
      isolated: this.isolation !== null,
      roundTripMs,
      sections: this.#hashes,
    }
  }

  inventory(names: readonly SectionName[], whole: readonly SectionName[]): InventoryBody {
    return inventoryOf(this.#state(), this.#hashes, names, whole)
  }

  #state(): DeviceState {
    return {
      facts: this.facts,
      boot: this.#boot,
      services: this.#services,
      software: this.#software,
      patches: this.#patches,
      restartDue: this.#restartDue,
      told: this.#told,
      now: this.now(),
    }
  }

  #changed(...names: readonly SectionName[]): void {
    const state = this.#state()
    this.#hashes = { ...this.#hashes, ...Object.fromEntries(names.map((name) => [name, hashOf(name, state)])) }
  }

  #forgetToldServices(): void {
    this.#told = new Map([...this.#told].filter(([section]) => section !== 'services'))
  }

  /** The first boot's id follows from the seed; each later one is new. */
  #newBoot(at: Date): Boot {
    const salt = this.#boots++ === 0 ? '' : `\n${at.getTime()}`
    return { id: seededHex(`${this.#options.seed}\nboot${salt}`), at }
  }
}
