/** Which devices people work on right now, on purpose. Windows are few and kept in memory; devices are looked at as asked. */
import type { Db, Tx } from '../../kernel/db.ts'
import { query } from '../../kernel/db.ts'
import { deviceScope, type ScopedDevice } from '../devices/scope.ts'
import { groupMembers } from '../devices/groups.ts'
import { readWatchedDevices } from '../devices/watched-devices.ts'
import './tables.ts'
import { isFor, nextOpening, type Opening, openingAt, recurrence, type Window } from './windows.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    maintenance: Maintenance
  }
}

export interface MaintenanceOptions {
  db: Db
  now(): Date
  /** Shows the condition `maintenance` of a device; presence writes it. */
  show(deviceId: string, isInMaintenance: boolean): void
  failed(error: unknown): void
}

export interface DeviceOpenings {
  now: Opening | null
  next: Opening | null
}

type Device = ScopedDevice & { partnerId: string }

export class Maintenance {
  readonly #options: MaintenanceOptions
  #windows: readonly Window[] = []
  #reading: Promise<void> = Promise.resolve()

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  /** Groups that windows name. */
  get groups(): string[] {
    return this.#windows.flatMap((window) => window.scope.groups ?? [])
  }

  /** The opening that covers the device at a time: of several, the one that ends last. */
  covers(device: Device, at: Date): Opening | null {
    const open = this.#windows
      .filter((window) => isFor(window, device))
      .flatMap((window) => openingAt(window, at) ?? [])
    return open.toSorted((a, b) => b.until.getTime() - a.until.getTime())[0] ?? null
  }

  /** When the next window of the device opens; null when none does within thirteen months. */
  next(device: Device, after: Date): Opening | null {
    const coming = this.#windows
      .filter((window) => isFor(window, device))
      .flatMap((window) => nextOpening(window, after) ?? [])
    return coming.toSorted((a, b) => a.from.getTime() - b.from.getTime())[0] ?? null
  }

  /** Of these devices, those that are in maintenance at the time, and until when. */
  async isInMaintenance(deviceIds: readonly string[], at: Date): Promise<Map<string, Opening>> {
    if (this.#windows.length === 0) return new Map()
    const { groups } = this
    const { devices, members } = await this.#options.db.worker(async (tx) => ({
      devices: await readWatchedDevices(tx, deviceIds),
      members: groups.length > 0 ? await groupMembers(tx, groups) : new Map<string, string[]>(),
    }))
    const groupsOf = (id: string) => groups.filter((group) => members.get(group)?.includes(id))
    return new Map(
      devices.flatMap((found) => {
        const device = { ...found, groups: groupsOf(found.id) }
        const opening = this.covers(device, at)
        return opening ? [[device.id, opening] as const] : []
      }),
    )
  }

  /** Of devices that the transaction sees: the opening that covers each at the time, and the next one after it. */
  async openings(tx: Tx, deviceIds: readonly string[], at: Date): Promise<Map<string, DeviceOpenings>> {
    if (this.#windows.length === 0 || deviceIds.length === 0) return new Map()
    const { groups } = this
    const devices = await readWatchedDevices(tx, deviceIds)
    const members = groups.length > 0 ? await groupMembers(tx, groups) : new Map<string, string[]>()
    const sets = new Map([...members].map(([group, ids]) => [group, new Set(ids)]))
    return new Map(
      devices.map((found) => {
        const device = { ...found, groups: groups.filter((group) => sets.get(group)?.has(found.id)) }
        return [found.id, { now: this.covers(device, at), next: this.next(device, at) }]
      }),
    )
  }

  /** Shows at each device whether it is in maintenance. `devices`: as they are shown now. */
  mark(devices: Iterable<Device & { conditions: readonly string[] }>): void {
    const at = this.#options.now()
    const open = this.#windows.filter((window) => openingAt(window, at) !== null)
    for (const device of devices) {
      const isCovered = open.some((window) => isFor(window, device))
      if (isCovered !== device.conditions.includes('maintenance')) this.#options.show(device.id, isCovered)
    }
  }

  /** Called by whoever changed a window, within that transaction. */
  touched(tx: Tx): void {
    tx.afterCommit(() => {
      this.refresh().catch((error: unknown) => this.#options.failed(error))
    })
  }

  /** Resolves when what was durable before the call counts. */
  refresh(): Promise<void> {
    const read = this.#reading.then(() => this.#read())
    this.#reading = read.catch(() => undefined)
    return read
  }

  async #read(): Promise<void> {
    const rows = await this.#options.db.worker((tx) =>
      tx.all(query.selectFrom('maintenance_windows').selectAll().where('enabled', '=', true)),
    )
    this.#windows = rows.flatMap((row) => {
      const scope = deviceScope.safeParse(row.scope)
      const when = recurrence.safeParse(row.recurrence)
      if (!scope.success || !when.success) {
        this.#options.failed(new Error(`maintenance window ${row.id} can't be understood`))
        return []
      }
      return [
        {
          id: row.id,
          partnerId: row.partner_id,
          organizationId: row.organization_id,
          name: row.name,
          scope: scope.data,
          recurrence: when.data,
          timeZone: row.time_zone,
          durationMinutes: row.duration_minutes,
        },
      ]
    })
  }
}
