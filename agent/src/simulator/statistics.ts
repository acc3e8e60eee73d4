/** What the whole fleet did, for a load test's report. Times in milliseconds; null where nothing was measured yet. */
export interface SimulationStatistics {
  /** Devices that the server knows. */
  enrolled: number
  /** Devices with a welcomed connection now. */
  connected: number
  /** Welcomes, the first ones included. */
  welcomes: number
  disconnects: number
  heartbeats: number
  /** A ping over the same connection and back: what a heartbeat would wait for. */
  roundTripP50Ms: number | null
  roundTripP99Ms: number | null
  commands: number
  /** From the server's signature to the arrival at the device, by the server's clock. */
  deliveryP50Ms: number | null
  deliveryP99Ms: number | null
  /** Commands that devices came to an end with, each once. */
  carriedOut: number
  /** Results sent, and how long the server took to say that it holds them. */
  results: number
  acksP50Ms: number | null
  acksP99Ms: number | null
  /** Longer than five seconds. */
  lateAcks: number
  bytesIn: number
  bytesOut: number
  /** Of the sections told by their hash, those the server held already; and of the configurations by their etag. */
  sectionHits: Hits
  configurationHits: Hits
  /** Turned away as unknown or with a wrong key. */
  refused: number
  /** Everything that went wrong, by the agent's own name for it. */
  errors: Readonly<Record<string, number>>
}

export interface Hits {
  told: number
  /** What the server then asked for or sent all the same. */
  missed: number
}

const ERRORS: ReadonlySet<string> = new Set([
  'socket_error',
  'server_error',
  'server_silent',
  'handshake_timeout',
  'upgrade_refused',
  'poll_refused',
  'device_error',
  'frame_ignored',
  'frame_out_of_turn',
  'frame_too_large',
  'command_error',
  'executor_error',
])

/** The latest measurements are enough for percentiles, and bounded. */
const SAMPLES = 20_000
const LATE_MS = 5000

export class Samples {
  readonly #values: number[] = []
  #next = 0

  add(value: number): void {
    this.#values[this.#next % SAMPLES] = value
    this.#next++
  }

  percentile(share: number): number | null {
    const sorted = Float64Array.from(this.#values).sort()
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null
  }
}

export class Recorder {
  readonly #roundTrips = new Samples()
  readonly #deliveries = new Samples()
  readonly #acks = new Samples()
  readonly #errors = new Map<string, number>()
  readonly #sections: Hits = { told: 0, missed: 0 }
  readonly #configurations: Hits = { told: 0, missed: 0 }
  #welcomes = 0
  #disconnects = 0
  #heartbeats = 0
  #commands = 0
  #carriedOut = 0
  #results = 0
  #lateAcks = 0
  #refused = 0

  /** An event of one device's connection or runner. */
  event(name: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (name === 'online') this.#welcomes++
    if (name === 'disconnected') this.#disconnects++
    if (name === 'command_finished') this.#carriedOut++
    if (name === 'device_refused') this.#refused++
    if (!ERRORS.has(name)) return
    const detail = fields['status'] ?? fields['code']
    const reason = detail === undefined ? name : `${name} ${String(detail)}`
    this.#errors.set(reason, (this.#errors.get(reason) ?? 0) + 1)
  }

  heartbeat(sections: number, roundTripMs: number | null): void {
    this.#heartbeats++
    this.#sections.told += sections
    this.#configurations.told++
    if (roundTripMs !== null) this.#roundTrips.add(roundTripMs)
  }

  askedFor(sections: number): void {
    this.#sections.missed += sections
  }

  configured(): void {
    this.#configurations.missed++
  }

  delivered(tookMs: number): void {
    this.#commands++
    this.#deliveries.add(tookMs)
  }

  result(): void {
    this.#results++
  }

  acknowledged(tookMs: number): void {
    this.#acks.add(tookMs)
    if (tookMs > LATE_MS) this.#lateAcks++
  }

  statistics(now: { enrolled: number; connected: number; bytes: { in: number; out: number } }): SimulationStatistics {
    return {
      enrolled: now.enrolled,
      connected: now.connected,
      welcomes: this.#welcomes,
      disconnects: this.#disconnects,
      heartbeats: this.#heartbeats,
      roundTripP50Ms: this.#roundTrips.percentile(0.5),
      roundTripP99Ms: this.#roundTrips.percentile(0.99),
      commands: this.#commands,
      deliveryP50Ms: this.#deliveries.percentile(0.5),
      deliveryP99Ms: this.#deliveries.percentile(0.99),
      carriedOut: this.#carriedOut,
      results: this.#results,
      acksP50Ms: this.#acks.percentile(0.5),
      acksP99Ms: this.#acks.percentile(0.99),
      lateAcks: this.#lateAcks,
      bytesIn: now.bytes.in,
      bytesOut: now.bytes.out,
      sectionHits: { ...this.#sections },
      configurationHits: { ...this.#configurations },
      refused: this.#refused,
      errors: Object.fromEntries(this.#errors),
    }
  }
}
