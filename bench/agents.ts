import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HerdReport, SimulationStatistics } from '../agent/src/simulator/simulation.ts'
import type { AgentsAnswer, AgentsRequest, AgentsSetup } from './agents-process.ts'
import { end, said } from './floor-process.ts'
import { cpuMicroseconds, peakBytes, proportionalBytes, residentBytes } from './process-facts.ts'
import type { BenchedServer } from './server-process.ts'

const PATIENCE_MS = 300_000
/** Longer than the interval of heartbeats, with which a device is asked again. */
const QUIET_MS = 70_000

export interface Lag {
  p99Ms: number
  maxMs: number
}

/** What went wrong since the last look, by the agent's own name for it. */
export type Errors = Readonly<Record<string, number>>

export interface SteadyReport {
  connected: number
  connectSeconds: number
  /** Then, until the server held every device's inventory. */
  settleSeconds: number
  heartbeatsPerSecond: number
  lag: Lag
  /** Of one core. */
  serverCpuPercent: number
  serverBytes: number
  /** At any time since it started, the first inventory of all devices included. */
  peakBytes: number
  postgresBytes: number
  agentBytes: number | null
  simulatorBytes: number
  errors: Errors
}

export interface HerdSummary extends HerdReport {
  /** Of the server, meanwhile. */
  cpuSeconds: number
  serverBytes: number
  lag: Lag
  errors: Errors
}

export class SimulatedAgents {
  readonly #child: ChildProcess
  readonly #server: BenchedServer
  readonly connectSeconds: number
  #settleSeconds = 0

  private constructor(child: ChildProcess, server: BenchedServer, connectSeconds: number) {
    this.#child = child
    this.#server = server
    this.connectSeconds = connectSeconds
  }

  /** Resolves when all that shall be online are. */
  static async start(server: BenchedServer, setup: AgentsSetup): Promise<SimulatedAgents> {
    const child = fork(join(import.meta.dirname, 'agents-process.ts'))
    const began = performance.now()
    await asked(child, { ask: 'start', setup })
    return new SimulatedAgents(child, server, (performance.now() - began) / 1000)
  }

  /** Until the server has asked for nothing new for a while: a new fleet shows its inventory first. */
  async settle(): Promise<void> {
    const began = performance.now()
    for (let before = -1, quiet = began; performance.now() - quiet < QUIET_MS;) {
      if (performance.now() - began > PATIENCE_MS) throw new Error('the inventory of the fleet does not come to rest')
      await sleep(1000)
      const { missed } = (await asked(this.#child, { ask: 'statistics' })).statistics.sectionHits
      if (missed !== before) quiet = performance.now()
      before = missed
    }
    this.#settleSeconds = (performance.now() - began - QUIET_MS) / 1000
  }

  async statistics(): Promise<SimulationStatistics> {
    return (await asked(this.#child, { ask: 'statistics' })).statistics
  }

  async steady(milliseconds: number): Promise<SteadyReport> {
    const { pid } = this.#server
    const before = (await asked(this.#child, { ask: 'statistics' })).statistics
    const cpu = cpuMicroseconds(pid)
    const began = performance.now()
    await eventLoopLag(this.#server.url)
    await sleep(milliseconds)
    const lag = await eventLoopLag(this.#server.url)
    const seconds = (performance.now() - began) / 1000
    const after = (await asked(this.#child, { ask: 'statistics' })).statistics
    const agent = this.#server.agentPid
    return {
      connected: after.connected,
      connectSeconds: this.connectSeconds,
      settleSeconds: this.#settleSeconds,
      heartbeatsPerSecond: (after.heartbeats - before.heartbeats) / seconds,
      lag,
      serverCpuPercent: (cpuMicroseconds(pid) - cpu) / seconds / 10_000,
      serverBytes: residentBytes(pid),
      peakBytes: peakBytes(pid),
      postgresBytes: proportionalBytes(await this.#server.postgresPid()),
      agentBytes: agent === undefined ? null : residentBytes(agent),
      simulatorBytes: residentBytes(this.#child.pid ?? 0),
      errors: since(before.errors, after.errors),
    }
  }

  async herd(): Promise<HerdSummary> {
    const before = (await asked(this.#child, { ask: 'statistics' })).statistics
    await eventLoopLag(this.#server.url)
    const { pid } = this.#server
    const cpu = cpuMicroseconds(pid)
    const { herd, statistics } = await asked(this.#child, { ask: 'herd' })
    if (!herd) throw new Error('the simulator did not report')
    return {
      ...herd,
      cpuSeconds: (cpuMicroseconds(pid) - cpu) / 1e6,
      serverBytes: residentBytes(pid),
      lag: await eventLoopLag(this.#server.url),
      errors: since(before.errors, statistics.errors),
    }
  }

  /** Whether they send metrics. */
  async measure(isOn: boolean): Promise<void> {
    await asked(this.#child, { ask: 'measure', isOn })
  }

  async stop(): Promise<void> {
    await end(this.#child)
  }
}

function asked(child: ChildProcess, request: AgentsRequest): Promise<AgentsAnswer> {
  child.send(request)
  return said<AgentsAnswer>(child, PATIENCE_MS)
}

/** Since it was last asked: the server's metrics start over with each reading. */
async function eventLoopLag(url: string): Promise<Lag> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })
  const text = await response.text()
  const read = (name: string): number =>
    1000 * Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  return { p99Ms: read('nodejs_eventloop_lag_p99_seconds'), maxMs: read('nodejs_eventloop_lag_max_seconds') }
}

function since(before: Errors, after: Errors): Errors {
  const more = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
  return Object.fromEntries(more.filter(([, count]) => count > 0))
}
