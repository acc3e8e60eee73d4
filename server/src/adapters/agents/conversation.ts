/** What a proven device says, frame by frame, and what the server answers. */
import { RESULT_DATA } from '@breeze/contract/agent-commands'
import { SECTION_NAMES, type SectionName } from '@breeze/contract/agent-inventory'
import { type AgentFrame, CLOSE, rotationMessage, type ServerFrame } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import type { Effective } from '../../domains/agent-settings/service.ts'
import type { Commands } from '../../domains/commands/service.ts'
import type { KnownDevice } from '../../domains/devices/directory.ts'
import type { Inventory } from '../../domains/devices/inventory.ts'
import type { Presence } from '../../domains/devices/presence.ts'
import type { EventLogs } from '../../domains/event-logs/service.ts'
import type { Metrics } from '../../domains/metrics/service.ts'
import { importPublicKey, verifyText } from '../../keys/ed25519.ts'
import type { Environment } from '../../kernel/context.ts'
import { clockSkewMs } from './frames.ts'

type Of<T extends AgentFrame['type']> = Extract<AgentFrame, { type: T }>

export interface ConversationHost {
  commands: Commands
  presence: Presence
  inventory: Inventory
  metrics: Pick<Metrics, 'record'>
  eventLogs: Pick<EventLogs, 'record'>
  environment: Environment
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** What the device is to work by. */
  configurationOf(device: KnownDevice): Effective
  /** False for a key that is another device's. */
  proposeKey(deviceId: string, publicKey: string): Promise<boolean>
  /** Whether a quarantined device has been one machine for long enough; then it is one again. */
  settles(device: KnownDevice): boolean
}

/** The connection, as far as a conversation needs it. */
export interface Line {
  send(frame: ServerFrame): void
  refuse(close: number, code: string, message: string): void
  /** Ends the connection because of the server's own trouble. */
  comeBackLater(error: unknown, what: string): void
  hold(bytes: number): void
  release(bytes: number): void
}

/** A clock that is off by more is worth a look; it is right again once it is off by clearly less. */
const SKEWED_MS = 300_000
const RIGHT_MS = 240_000
const LONGEST_ROUND_TRIP_MS = 3_600_000
/** Heartbeats; until then what changed may be on its way, or a device that just started may not have read it yet. */
const OUTDATED_BEATS = 5
/** No other type of command answers with exactly this. */
const isolationData = RESULT_DATA['network.isolate'].strict()

export class Conversation {
  readonly device: KnownDevice
  readonly #host: ConversationHost
  readonly #line: Line
  /** Section → hash that was asked for and has not come yet, and how often. */
  readonly #asked = new Map<SectionName, { hash: string; beats: number }>()
  /** Section → since when, and in how many beats, its content was not the one that the server holds. */
  readonly #differs = new Map<SectionName, { since: Date; beats: number }>()
  #isRotating = false
  /** A device sends sections before the result of the command that changed them: whoever reads the result may look there. */
  #recording: Promise<unknown> = Promise.resolve()
  #bootId: string | null = null
  #heartbeatSeconds: number
  /** Of the configuration that the device has, or was sent. */
  #etag: string | null

  /** `etag`: of the configuration that the device works by. */
  constructor(host: ConversationHost, line: Line, device: KnownDevice, etag: string | null) {
    this.device = device
    this.#host = host
    this.#line = line
    this.#etag = etag
    this.#heartbeatSeconds = host.configurationOf(device).configuration.heartbeatSeconds
  }

  /** How often the device is expected to speak. */
  get heartbeatSeconds(): number {
    return this.#heartbeatSeconds
  }

  /** Sends the present configuration to a device that works by another. */
  configure(): void {
    const { etag, configuration } = this.#host.configurationOf(this.device)
    this.#heartbeatSeconds = configuration.heartbeatSeconds
    if (etag === this.#etag) return
    this.#etag = etag
    this.#line.send({ type: 'configuration', etag, configuration })
  }

  handle(frame: AgentFrame, bytes: number): void {
    const { device } = this
    const { commands } = this.#host
    switch (frame.type) {
      case 'hello':
        return this.#line.refuse(CLOSE.protocolError, 'out_of_turn', 'This connection is authenticated already.')
      case 'heartbeat':
        return this.#heartbeat(frame)
      case 'inventory':
        return this.#background(this.#recordInventory(frame))
      case 'metrics':
        return this.#background(this.#metrics(frame, bytes))
      case 'accepted':
        return this.#background(commands.accepted(device.id, frame.commandId))
      case 'started':
        return this.#background(commands.started(device.id, frame.commandId, new Date(frame.startedAt)))
      case 'output':
        return this.#background(this.#output(frame, bytes))
      case 'result':
        return void this.#result(frame, bytes)
      case 'events':
        return this.#background(this.#events(frame, bytes))
      case 'goodbye':
        return this.#goodbye(frame)
      case 'rotate_key':
        return this.#background(this.#rotateKey(frame))
    }
  }

  /** Told when it changes only: a beat a minute from everybody must not be a write each. */
  setCondition(name: string, isThere: boolean): void {
    const { id, conditions } = this.device
    if (conditions.has(name) === isThere) return
    if (isThere) conditions.add(name)
    else conditions.delete(name)
    this.#host.presence.condition(id, name, isThere)
  }

  #heartbeat(frame: Of<'heartbeat'>): void {
    const { bootId, uptimeSeconds, cpuPercent, memoryPercent, configurationEtag } = frame
    const skew = clockSkewMs(frame.sentAt, this.#host.environment.now())
    const roundTripMs = frame.roundTripMs === null ? null : Math.min(frame.roundTripMs, LONGEST_ROUND_TRIP_MS)
    const facts = {
      bootId,
      uptimeSeconds,
      cpuPercent,
      memoryPercent,
      clockSkewMs: skew,
      configurationEtag,
      roundTripMs,
    }
    this.#host.presence.heard(this.device.id, facts, this.#heartbeatSeconds)
    if (skew !== null && Math.abs(skew) > SKEWED_MS) this.setCondition('clock_skewed', true)
    if (skew !== null && Math.abs(skew) < RIGHT_MS) this.setCondition('clock_skewed', false)
    if (bootId !== this.#bootId) this.#background(this.#host.commands.booted(this.device.id, bootId))
    this.#bootId = bootId
    if (frame.isolated !== undefined) this.setCondition('isolated', frame.isolated)
    if (frame.rebootPending !== null) this.setCondition('reboot_pending', frame.rebootPending)
    if (this.device.conditions.has('quarantined') && this.#host.settles(this.device))
      this.setCondition('quarantined', false)
    this.#compare(frame.sections)
    const isKnown = (name: SectionName): boolean => this.#isHeld(name, frame.sections[name])
    if (SECTION_NAMES.every(isKnown) || !this.#host.inventory.mayAsk()) return
    const missing = SECTION_NAMES.filter((name) => this.#isMissing(name, frame.sections[name]))
    if (missing.length > 0) this.#line.send({ type: 'send_inventory', sections: missing })
  }

  /** What stays different for long is not what is shown any more, whatever the reason that it does not come. */
  #compare(sections: Of<'heartbeat'>['sections']): void {
    const { id, hashes, outdated } = this.device
    const now = this.#host.environment.now()
    for (const name of SECTION_NAMES) {
      if (!hashes.has(name)) continue
      if (hashes.get(name) === sections[name]) {
        this.#current(name)
        continue
      }
      const differs = this.#differs.get(name) ?? { since: now, beats: 0 }
      this.#differs.set(name, { ...differs, beats: differs.beats + 1 })
      if (differs.beats + 1 !== OUTDATED_BEATS || outdated.has(name)) continue
      outdated.add(name)
      this.#host.inventory.outdated({ deviceId: id, section: name, since: differs.since })
    }
  }

  #current(name: SectionName): void {
    const { id, outdated } = this.device
    this.#differs.delete(name)
    // Also after it came: what was marked a moment ago may be written behind it.
    if (outdated.delete(name)) this.#host.inventory.outdated({ deviceId: id, section: name, since: null })
  }

  /** What was asked for at the last beat may still be on its way; after two it is asked for again. */
  #isMissing(name: SectionName, hash: string | undefined): boolean {
    if (hash === undefined || this.#isHeld(name, hash)) return false
    const asked = this.#asked.get(name)
    if (asked?.hash === hash && asked.beats < 2) {
      asked.beats += 1
      return false
    }
    this.#asked.set(name, { hash, beats: 1 })
    return true
  }

  #isHeld(name: SectionName, hash: string | undefined): boolean {
    return hash === undefined || this.device.hashes.get(name) === hash
  }

  #recordInventory(frame: Of<'inventory'>): Promise<void> {
    const recorded = this.#inventory(frame)
    this.#recording = Promise.allSettled([this.#recording, recorded])
    return recorded
  }

  async #inventory({ sections, hashes, softwareDelta }: Of<'inventory'>): Promise<void> {
    const told = { deviceId: this.device.id, sections, hashes, softwareDelta }
    const { whole } = await this.#host.inventory.record(told)
    if (whole.length > 0) this.#line.send({ type: 'send_inventory', sections: whole, whole })
    else if (softwareDelta) this.#holds('software', softwareDelta.hash)
    for (const name of SECTION_NAMES) {
      const hash = hashes[name]
      if (sections[name] && hash !== undefined) this.#holds(name, hash)
    }
  }

  #holds(name: SectionName, hash: string): void {
    this.device.hashes.set(name, hash)
    this.#current(name)
    this.#asked.delete(name)
  }

  async #metrics({ samples }: Of<'metrics'>, bytes: number): Promise<void> {
    this.#line.hold(bytes)
    try {
      const isRecorded = await this.#host.metrics.record({ deviceId: this.device.id, samples })
      const until = samples.at(-1)?.at
      // Untold, they come again.
      if (isRecorded && until !== undefined) this.#line.send({ type: 'metrics_recorded', until })
    } finally {
      this.#line.release(bytes)
    }
  }

  async #output({ commandId, sequence, text }: Of<'output'>, bytes: number): Promise<void> {
    this.#line.hold(bytes)
    try {
      await this.#host.commands.output(this.device.id, commandId, sequence, text)
    } finally {
      this.#line.release(bytes)
    }
  }

  async #result({ commandId, outcome }: Of<'result'>, bytes: number): Promise<void> {
    this.#line.hold(bytes)
    try {
      await this.#recording
      const answer = await this.#host.commands.recordResult(this.device.id, commandId, outcome, this.#bootId)
      if (answer === 'unknown')
        this.#line.send({ type: 'error', code: 'unknown_command', message: `No command ${commandId} of this device.` })
      else this.#line.send({ type: 'result_recorded', commandId })
      // Read back on the device just now, so that it shows before the next beat.
      const isolation = isolationData.safeParse(outcome.data).data
      if (answer === 'recorded' && isolation) this.setCondition('isolated', isolation.isolated)
    } catch (error) {
      // Unacknowledged, it stays in the agent's journal and comes again after the reconnect.
      this.#line.comeBackLater(error, 'command result could not be recorded')
    } finally {
      this.#line.release(bytes)
    }
  }

  /** Without an answer they come again. */
  async #events({ sequence, entries }: Of<'events'>, bytes: number): Promise<void> {
    this.#line.hold(bytes)
    try {
      await this.#host.eventLogs.record(this.device.id, sequence, entries)
      this.#line.send({ type: 'events_recorded', sequence })
    } finally {
      this.#line.release(bytes)
    }
  }

  async #rotateKey({ publicKey, signature }: Of<'rotate_key'>): Promise<void> {
    const { id } = this.device
    const key = importPublicKey(publicKey)
    if (!key || !verifyText(key, rotationMessage(id, publicKey), signature))
      return this.#line.refuse(CLOSE.protocolError, 'bad_key', 'The new key did not sign its own announcement.')
    // Its agent waits for the answer before it tells another one.
    if (this.#isRotating) return
    this.#isRotating = true
    try {
      const isStored = await this.#host.proposeKey(id, publicKey)
      if (isStored) this.#line.send({ type: 'key_rotated', publicKey })
      else
        this.#line.send({ type: 'error', code: 'key_in_use', message: 'This key is already enrolled. Make another.' })
    } finally {
      this.#isRotating = false
    }
  }

  #goodbye({ reason }: Of<'goodbye'>): void {
    this.#host.presence.goodbye(this.device.id, reason)
    if (reason === 'uninstall') this.setCondition('uninstalled', true)
  }

  #background(work: Promise<unknown>): void {
    work.catch((error: unknown) =>
      this.#host.log.error({ err: error, deviceId: this.device.id }, 'agent frame not recorded'),
    )
  }
}
