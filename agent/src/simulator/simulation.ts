import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionTiming } from '../connection.ts'
import type { Log } from '../log.ts'
import { enrollFleet, type Provision } from './enroll-fleet.ts'
import { DEFAULT_DEVICES, type PlannedDevice, planFleet } from './fleet.ts'
import { FleetStore } from './fleet-state.ts'
import { KeyRing } from './key-ring.ts'
import { SimulatedNetwork } from './network.ts'
import { deviceSeed, type Quirks, SimulatedDevice } from './simulated-device.ts'
import { Recorder, Samples, type SimulationStatistics } from './statistics.ts'
import type { Patches } from './updates.ts'

export type { Provision } from './enroll-fleet.ts'
export { runScenario } from './scenario.ts'
export type { SimulationStatistics } from './statistics.ts'

export interface SimulationOptions {
  /** Base URL, such as http://127.0.0.1:8080. */
  server: string
  /** Makes organizations, sites and tokens; asked only for what is not enrolled yet. */
  provision: Provision
  /** 147 unless told otherwise; any number has the same mix. */
  devices?: number
  /** The same seed gives the same names, keys and facts. */
  seed?: string
  /** Where the enrolled devices are remembered; without it, the next run with this seed is refused by the same server. */
  stateDirectory?: string
  /** Few events: sites enrolled, devices refused, what went wrong. */
  log?: Log
  /** Aborting it is `stop()`; during enrollment it makes `runSimulation` reject. */
  signal?: AbortSignal
  timing?: Partial<SimulationTiming>
  quirks?: Partial<Quirks>
  /** The time that its devices go by; the system's, when left out. */
  now?(): number
  /** False: they take no samples until `measure(true)`. What they are to tell of a time that is over comes before any of now. */
  measures?: boolean
  /** What a device lacks and what was tried on it; by its seed where this says nothing. */
  patches?(device: PlannedDevice): Patches | undefined
}

export interface SimulationTiming {
  /** First connections are spread at this rate. */
  connectsPerSecond: number
  /** Shortest and longest reboot. */
  rebootMs: readonly [number, number]
  connection: Partial<ConnectionTiming>
}

export interface SiteReport {
  site: string
  /** Devices that were online there. */
  devices: number
  /** Of them, online again when the wait ended. */
  returned: number
}

export interface HerdReport {
  /** Sockets cut at the same moment. */
  dropped: number
  /** Devices that were back when the wait ended. */
  returned: number
  /** From the cut to each device's welcome. */
  returnP50Ms: number | null
  returnP99Ms: number | null
  lastMs: number | null
}

export interface RunningSimulation {
  devices: readonly (PlannedDevice & { deviceId: string })[]
  /** One of them, to have it tell what a scenario wants. */
  device(name: string): SimulatedDevice | undefined
  /** How many this run enrolled; the others were known. */
  enrolled: number
  /** From the first connection until all that shall be online were; null where some were not when the wait ended. */
  allOnlineMs: number | null
  statistics(): SimulationStatistics
  /** Cuts every connection at once, as a network does, and waits until all are back by the agent's own jitter. */
  herd(patienceMs?: number): Promise<HerdReport>
  /** Silences a site, the largest where none is named, until `over` settles; then waits until its devices are back. */
  siteDown(over: Promise<unknown>, site?: string): Promise<SiteReport>
  /** Changes software and services on about this share of the devices. Answers on how many. */
  churn(share: number): number
  /** Gives the devices that this answers for other updates, which their next heartbeats tell. Answers how many. */
  patch(patches: (device: PlannedDevice) => Patches | undefined): number
  /** Whether its online devices take a sample each minute; they do until told otherwise. */
  measure(isOn: boolean): void
  /** A minute of all who are reached, at once: each beats and measures. Resolves when the server has it. */
  minute(): Promise<void>
  /** This share of the connections reads nothing from now on. Answers how many. */
  stall(share: number): number
  /** All say goodbye. Safe to call twice. */
  stop(): Promise<void>
  /** Settles when stopped. */
  closed: Promise<void>
}

const DEFAULT_TIMING: SimulationTiming = { connectsPerSecond: 200, rebootMs: [5000, 20_000], connection: {} }
const DEFAULT_QUIRKS: Quirks = { packages: 700, clockSkewMs: 0, twice: false, failingScripts: 0, failingUpdates: 0.05 }
const FIRST_CONNECT_PATIENCE_MS = 120_000
const HERD_PATIENCE_MS = 120_000
const MINUTE_PATIENCE_MS = 10_000
const LOOK_MS = 20
/** Events of one device that a person at the terminal wants to read. */
const TOLD: ReadonlySet<string> = new Set(['device_refused', 'device_error', 'command_error', 'reboot', 'shutdown'])

/**
 * Enrolls a fleet where it is not enrolled yet and brings it to life. Resolves when every device that shall be online has
 * connected once (or two minutes have passed), and those that shall be offline have come and gone.
 */
export async function runSimulation(options: SimulationOptions): Promise<RunningSimulation> {
  const { server, seed = 'breeze', log = () => undefined, signal = new AbortController().signal } = options
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  const planned = planFleet(options.devices ?? DEFAULT_DEVICES)
  const store = await FleetStore.open(options.stateDirectory, server, seed)
  const enrolled = await enrollFleet({ server, provision: options.provision, store, planned, log, signal })

  const recorder = new Recorder()
  const keys = new KeyRing(store.state.pinnedServerKeys)
  const network = new SimulatedNetwork(server)
  const quirks = { ...DEFAULT_QUIRKS, ...options.quirks }
  const devices = planned.map((device) => {
    const known = store.state.devices[device.name]
    if (!known) throw new Error(`${device.name} was not enrolled`)
    return { ...device, deviceId: known.deviceId }
  })
  const fleet = devices.map((device) => ({
    planned: device,
    state: device.state,
    site: device.site,
    simulated: new SimulatedDevice({
      planned: device,
      deviceId: device.deviceId,
      seed: deviceSeed(seed, device.name),
      server,
      keys,
      recorder,
      log: deviceLog(device.name, recorder, log),
      rebootMs: timing.rebootMs,
      connection: timing.connection,
      transport: network.transportOf(device.site),
      quirks,
      now: options.now ?? Date.now,
      measures: options.measures ?? true,
      patches: options.patches?.(device),
    }),
  }))
  const members = fleet.filter(({ state }) => state === 'online')
  const living = members.map(({ simulated }) => simulated)

  const { promise: closed, resolve } = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await Promise.all(fleet.map(({ simulated }) => simulated.stop('stop')))
    resolve()
  }
  const stop = (): Promise<void> => (stopping ??= end())
  signal.addEventListener('abort', () => void stop(), { once: true })

  const began = performance.now()
  await connect(fleet, timing.connectsPerSecond, signal)
  const areAllOnline = (): boolean => living.every((device) => device.isOnline)
  await until(() => areAllOnline() || signal.aborted, FIRST_CONNECT_PATIENCE_MS)
  const allOnlineMs = areAllOnline() ? Math.round(performance.now() - began) : null
  const connected = (): number => living.filter((device) => device.isOnline).length
  log('simulating', { devices: devices.length, enrolled, connected: connected() })
  return {
    devices,
    device: (name) => fleet.find(({ simulated }) => simulated.name === name)?.simulated,
    enrolled,
    allOnlineMs,
    statistics: () => recorder.statistics({ enrolled: devices.length, connected: connected(), bytes: network.bytes }),
    herd: (patienceMs) => herd(living, network, patienceMs ?? HERD_PATIENCE_MS),
    siteDown: (over, site) => siteDown(members, network, site ?? largestSite(members), over, signal),
    churn: (share) => churn(living, share),
    patch: (patches) => patch(fleet, patches),
    measure: (isOn) => {
      for (const device of living) device.measure(isOn)
    },
    minute: () => minute(members.filter(({ site }) => !network.isSilent(site))),
    stall: (share) => network.stall(share),
    stop,
    closed,
  }
}

interface Member {
  planned: PlannedDevice
  state: PlannedDevice['state']
  site: string
  simulated: SimulatedDevice
}

async function connect(fleet: readonly Member[], perSecond: number, signal: AbortSignal): Promise<void> {
  const began = performance.now()
  const visits: Promise<void>[] = []
  for (const [index, { state, simulated }] of fleet.entries()) {
    const ahead = (1000 * index) / perSecond - (performance.now() - began)
    if (ahead > LOOK_MS) await sleep(ahead)
    if (signal.aborted) return
    if (state === 'online') simulated.start()
    if (state === 'offline') visits.push(simulated.introduce())
  }
  await Promise.all(visits)
}

async function herd(
  living: readonly SimulatedDevice[],
  network: SimulatedNetwork,
  patienceMs: number,
): Promise<HerdReport> {
  const began = performance.now()
  const away = new Set(living.filter((device) => device.isOnline))
  const before = away.size
  const dropped = network.cut()
  const returns = new Samples()
  let lastMs: number | null = null
  await until(() => {
    for (const device of away) {
      if (device.welcomedAt <= began) continue
      away.delete(device)
      const returnedMs = device.welcomedAt - began
      lastMs = Math.max(lastMs ?? 0, returnedMs)
      returns.add(returnedMs)
    }
    return away.size === 0
  }, patienceMs)
  return {
    dropped,
    returned: before - away.size,
    returnP50Ms: returns.percentile(0.5),
    returnP99Ms: returns.percentile(0.99),
    lastMs,
  }
}

function largestSite(members: readonly Member[]): string {
  const sites = [...Map.groupBy(members, ({ site }) => site)]
  return sites.toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0] ?? ''
}

async function siteDown(
  members: readonly Member[],
  network: SimulatedNetwork,
  site: string,
  over: Promise<unknown>,
  signal: AbortSignal,
): Promise<SiteReport> {
  const there = members.filter((member) => member.site === site && member.simulated.isOnline)
  network.silence(site)
  try {
    await over
  } finally {
    network.restore(site)
  }
  const back = (): number => there.filter(({ simulated }) => simulated.isOnline).length
  await until(() => back() === there.length || signal.aborted, HERD_PATIENCE_MS)
  return { site, devices: there.length, returned: back() }
}

function churn(living: readonly SimulatedDevice[], share: number): number {
  const chosen = living.filter(() => Math.random() < share)
  for (const device of chosen) device.churn()
  return chosen.length
}

function patch(members: readonly Member[], patchesOf: (device: PlannedDevice) => Patches | undefined): number {
  let changed = 0
  for (const { planned, simulated } of members) {
    const patches = patchesOf(planned)
    if (!patches) continue
    simulated.setPatches(patches)
    changed += 1
  }
  return changed
}

async function minute(reached: readonly Member[]): Promise<void> {
  const there = reached.filter(({ simulated }) => simulated.isOnline)
  for (const { simulated } of there) simulated.minute()
  await until(() => there.every(({ simulated }) => simulated.isTold || !simulated.isOnline), MINUTE_PATIENCE_MS)
}

function deviceLog(device: string, recorder: Recorder, log: Log): Log {
  return (event, fields) => {
    recorder.event(event, fields)
    if (TOLD.has(event)) log(event, { device, ...fields })
  }
}

async function until(condition: () => boolean, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!condition() && performance.now() < deadline) await sleep(LOOK_MS)
}
