import type { Log } from '../log.ts'
import type { Mode } from './modes.ts'
import { paused } from './pause.ts'
import type { RunningSimulation } from './simulation.ts'
import { SlowPeers } from './slow-peers.ts'

export interface ScenarioOptions {
  mode: Mode
  server: string
  /** Between two misfortunes. */
  everyMs: number
  /** How long a site is silent. */
  downMs: number
  /** Of the devices: that change, or stop reading. */
  share: number
  /** Peers that are no devices, in the mode `slow`. */
  peers: number
  /** Runs a script on all devices and answers when all results are there, with what to tell of it. */
  fanOut(): Promise<Record<string, string | number | boolean>>
  log: Log
  signal: AbortSignal
}

/** Repeats what the mode is about until it is stopped; what came of each turn is logged. */
export async function runScenario(simulation: RunningSimulation, options: ScenarioOptions): Promise<void> {
  const { mode, signal } = options
  if (mode === 'slow') return slowPeers(simulation, options)
  const act = turnOf(simulation, options)
  if (!act) return
  while (await paused(options.everyMs, signal)) {
    const told = await act()
    options.log(mode.replaceAll('-', '_'), told)
  }
}

type Told = Parameters<Log>[1]

/** Undefined where the mode is how devices are, not what happens to them. */
function turnOf(simulation: RunningSimulation, options: ScenarioOptions): (() => Promise<Told>) | undefined {
  const { mode, downMs, share, fanOut, signal } = options
  if (mode === 'herd') return async () => rounded(await simulation.herd())
  if (mode === 'site-down') return async () => ({ ...(await simulation.siteDown(paused(downMs, signal))) })
  if (mode === 'churn') return async () => ({ changed: simulation.churn(share) })
  return mode === 'fan-out' ? fanOut : undefined
}

function rounded(report: Awaited<ReturnType<RunningSimulation['herd']>>): Told {
  const whole = Object.entries(report).map(([name, value]) => [name, Math.round(Number(value))] as const)
  return Object.fromEntries(whole)
}

async function slowPeers(simulation: RunningSimulation, options: ScenarioOptions): Promise<void> {
  const { server, peers: count, share, everyMs, signal, log } = options
  const peers = new SlowPeers(server, count)
  try {
    while (await paused(everyMs, signal)) {
      const stalled = simulation.stall(share)
      log('slow', { peers: peers.count, thrown_out: peers.thrownOut, stopped_reading: stalled })
    }
  } finally {
    peers.stop()
  }
}
