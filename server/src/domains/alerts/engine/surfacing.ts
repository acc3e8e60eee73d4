/** Alerts that nobody was told of, for a reason that is over: what still holds is told now, once. */
import type { Book } from './book.ts'
import type { Directory } from './directory.ts'
import type { WatchedDevice } from '../../devices/watched-devices.ts'
import type { Watched } from './watched.ts'

/** After a window ends: devices need a moment to come up again. */
export const MAINTENANCE_GRACE_MS = 300_000
/** After the alert that stood for it is gone. */
const ORPHAN_MS = 600_000

export interface SurfacingOptions {
  book: Book
  directory: Directory
  /** Whether people work on the device on purpose. */
  inMaintenance(device: WatchedDevice, at: Date): boolean
}

export class Surfacing {
  readonly #options: SurfacingOptions
  /** Alerts that stand for others and are no longer there: since when that is known. */
  readonly #gone = new Map<string, number>()

  constructor(options: SurfacingOptions) {
    this.#options = options
  }

  tick(now: number): void {
    const { book } = this.#options
    const parents = new Set<string>()
    const orphans = new Set<string>()
    for (const watched of book.all()) if (watched.alert) parents.add(watched.alert.id)
    for (const watched of book.all()) {
      const { alert } = watched
      if (!alert || (alert.state !== 'firing' && alert.state !== 'flapping')) continue
      const parent = alert.parentId
      if (alert.suppressed === 'parent' && parent !== null && !parents.has(parent)) orphans.add(parent)
      if (this.#isDue(watched, parents, now)) book.change(watched, now, () => watched.surface(now))
    }
    for (const id of orphans) if (!this.#gone.has(id)) this.#gone.set(id, now)
    for (const id of this.#gone.keys()) if (!orphans.has(id)) this.#gone.delete(id)
  }

  #isDue(watched: Watched, parents: ReadonlySet<string>, now: number): boolean {
    const { alert, place } = watched
    if (!alert) return false
    if (alert.suppressed === 'maintenance') return !this.#isCovered(place.deviceId, now)
    if (alert.suppressed !== 'parent' || alert.parentId === null || parents.has(alert.parentId)) return false
    return now - (this.#gone.get(alert.parentId) ?? now) >= ORPHAN_MS
  }

  /** A window is never shorter than the grace, so two looks see each. */
  #isCovered(deviceId: string | null, now: number): boolean {
    const { directory, inMaintenance } = this.#options
    const device = deviceId === null ? undefined : directory.get(deviceId)
    if (!device) return false
    return inMaintenance(device, new Date(now)) || inMaintenance(device, new Date(now - MAINTENANCE_GRACE_MS))
  }
}
