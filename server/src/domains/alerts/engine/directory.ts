/** Every device as it was at the last look, in memory; statuses follow the turns that presence tells. */
import type { Db } from '../../../kernel/db.ts'
import type { PresenceTurn } from '../../devices/presence-turns.ts'
import { readWatchedDevices, type WatchedDevice } from '../../devices/watched-devices.ts'

export class Directory {
  readonly #db: Db
  #devices = new Map<string, WatchedDevice>()

  constructor(db: Db) {
    this.#db = db
  }

  get size(): number {
    return this.#devices.size
  }

  get(id: string): WatchedDevice | undefined {
    return this.#devices.get(id)
  }

  all(): IterableIterator<WatchedDevice> {
    return this.#devices.values()
  }

  async refresh(): Promise<void> {
    const devices = await this.#db.worker((tx) => readWatchedDevices(tx))
    this.#devices = new Map(devices.map((device) => [device.id, device]))
  }

  /** Those that are not known yet are looked up: a device enrolls and reports within one minute. */
  async know(ids: Iterable<string>): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#devices.has(id))
    if (unknown.length === 0) return
    const devices = await this.#db.worker((tx) => readWatchedDevices(tx, unknown))
    for (const device of devices) this.#devices.set(device.id, device)
  }

  /** What these are for, and how they are grouped, as it is now. Of their presence, turns tell. */
  async lookAgain(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    for (const device of await this.#db.worker((tx) => readWatchedDevices(tx, ids))) {
      const { role, tags, groups, platform } = device
      this.#devices.set(device.id, { ...(this.#devices.get(device.id) ?? device), role, tags, groups, platform })
    }
  }

  /** The facts of these as they are now: turns need the time at which each was last heard. */
  async look(ids: readonly string[]): Promise<void> {
    const devices = await this.#db.worker((tx) => readWatchedDevices(tx, ids))
    for (const id of ids) this.#devices.delete(id)
    for (const device of devices) this.#devices.set(device.id, device)
  }

  turned(turn: PresenceTurn): void {
    const device = this.#devices.get(turn.deviceId)
    if (!device) return
    const { status, at: statusChangedAt, expected, expectedBackAt, overdue, observed } = turn
    this.#devices.set(device.id, { ...device, status, statusChangedAt, expected, expectedBackAt, overdue, observed })
  }
}
