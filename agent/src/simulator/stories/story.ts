import type { PlannedDevice } from '../fleet.ts'
import type { RunningSimulation } from '../simulation.ts'
import type { SimulatedDevice } from '../simulated-device.ts'
import type { Patches } from '../updates.ts'

/** What happened to a fleet, told by its devices in their own frames: the server finds out by itself what it means. */
export interface Story {
  about: string
  /** Of every device, before it connects; without it, each device's own. */
  patches?(fleet: readonly PlannedDevice[], now: Date): (device: PlannedDevice) => Patches | undefined
  /** Once the fleet is there. Settles when all is told, or with the end of the story. */
  play(stage: Stage): Promise<void>
}

export interface Stage {
  simulation: RunningSimulation
  now: Date
  /** Waits so long by the devices' clock. False when the story was ended meanwhile. */
  pause(milliseconds: number): Promise<boolean>
  /** How long a turn of the story lasts, where it has turns. */
  everyMs: number
  /** How long what is away stays away. */
  downMs: number
}

/** Throws for a name that the fleet does not have: stories are written for the usual one. */
export function actor({ simulation }: Stage, name: string): SimulatedDevice {
  const device = simulation.device(name)
  if (!device) throw new Error(`the fleet has no ${name}; a story needs the usual 147 devices`)
  return device
}

const DAY_MS = 86_400_000

/** The last night's hour, UTC: a time of today, or of yesterday while all of that night is not yet over. */
export function lastNight(now: Date, hours: number, minutes = 0): Date {
  const midnight = now.getTime() - (now.getTime() % DAY_MS)
  const over = now.getTime() - midnight >= NIGHT_OVER_MS
  return new Date((over ? midnight : midnight - DAY_MS) + (hours * 60 + minutes) * 60_000)
}
/** 05:15: the last thing that happens in any story's night is a quarter of an hour old. */
const NIGHT_OVER_MS = 5.25 * 3_600_000
