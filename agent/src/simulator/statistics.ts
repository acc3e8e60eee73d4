/** What the whole fleet did, for a load test's report. Times in milliseconds; null where nothing was measured yet. */
export interface SimulationStatistics {
  /** Devices with a welcomed connection now. */
  connected: number
  /** Welcomes, the first ones included. */
  welcomes: number
  disconnects: number
  heartbeats: number
  /** Results sent, and how long the server took to say that it holds them. */
  results: number
  acksP50Ms: number | null
  acksP99Ms: number | null
  /** Turned away as unknown or with a wrong key. */
  refused: number
  /** Everything that went wrong, by the agent's own name for it. */
  errors: Readonly<Record<string, number>>
}

const ERRORS: ReadonlySet<string> = new Set([
  'socket_error',
  'server_error',
  'server_silent',
  'handshake_timeout',
  'upgrade_refused',
  'device_error',
  'frame_ignored',
  'frame_out_of_turn',
  'command_error',
  'executor_error',
])

/** The latest measurements are enough for percentiles, and bounded. */
const SAMPLES = 20_000

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
  readonly acks = new Samples()
  readonly #errors = new Map<string, number>()
  welcomes = 0
  disconnects = 0
  heartbeats = 0
  results = 0
  refused = 0

  /** An event of one device's connection or runner. */
  event(name: string): void {
    if (name === 'online') this.welcomes++
    if (name === 'disconnected') this.disconnects++
    if (name === 'device_refused') this.refused++
    if (ERRORS.has(name)) this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1)
  }

  statistics(connected: number): SimulationStatistics {
    const { welcomes, disconnects, heartbeats, results, refused } = this
    return {
      connected,
      welcomes,
      disconnects,
      heartbeats,
      results,
      acksP50Ms: this.acks.percentile(0.5),
      acksP99Ms: this.acks.percentile(0.99),
      refused,
      errors: Object.fromEntries(this.#errors),
    }
  }
}
