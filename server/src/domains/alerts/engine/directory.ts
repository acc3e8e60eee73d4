/** Every device as it was at the last look, in memory; statuses follow the turns that presence tells. */
import type { Db } from '../../../kernel/db.ts'
import type { PresenceTurn } from '../../devices/presence-turns.ts'
import { groupMembers } from '../../devices/groups.ts'
import { readWatchedDevices, type WatchedDevice } from '../../devices/watched-devices.ts'

export class Directory {
  readonly #db: Db
  /** Device → the groups it is in, of those that somebody asks for. */
  #groups = new Map<string, string[]>()
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

  /** `groups`: those that rules and windows name. */
  async refresh(groups: readonly string[]): Promise<void> {
    const { devices, members } = await this.#db.worker(async (tx) => ({
      devices: await readWatchedDevices(tx),
      members: groups.length > 0 ? await groupMembers(tx, groups) : new Map<string, string[]>(),
    }))
    this.#groups = new Map()
    for (const [group, ids] of members)
      for (const id of ids) this.#groups.set(id, [...(this.#groups.get(id) ?? []), group])
    this.#devices = new Map()
    this.#put(devices)
  }

  #put(devices: readonly WatchedDevice[]): void {
    for (const device of devices) {
      const groups = this.#groups.get(device.id)
      this.#devices.set(device.id, groups ? { ...device, groups } : device)
    }
  }

  /** Those that are not known yet are looked up: a device enrolls and reports within one minute. */
  async know(ids: Iterable<string>): Promise<void> {
    const unknown = [...new Set(ids)].filter((id) => !this.#devices.has(id))
    if (unknown.length === 0) return
    const devices = await this.#db.worker((tx) => readWatchedDevices(tx, unknown))
    this.#put(devices)
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
    this.#put(devices)
  }

  turned(turn: PresenceTurn): void {
    const device = this.#devices.get(turn.deviceId)
    if (!device) return
    const { status, at: statusChangedAt, expected, expectedBackAt, overdue, observed } = turn
    this.#devices.set(device.id, { ...device, status, statusChangedAt, expected, expectedBackAt, overdue, observed })
  }
}
