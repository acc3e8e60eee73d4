/** What tools ask about devices, within the caller's transaction. */
import type { Capability } from '@breeze/contract/agent-capabilities'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { Tx } from '../../kernel/db.ts'
import { incapable } from './capabilities.ts'
import { changesOfDevice, type ChangesPage, type DeviceChanges } from './changes/list.ts'
import type { DeviceFilter } from './filter.ts'
import {
  type DeviceDetails,
  deviceDetails,
  type DeviceTarget,
  findDevice,
  type Found,
  platformsOf,
  targetsByFilter,
} from './find.ts'
import { type DeviceList, type DevicePage, listDevices } from './list.ts'
import type { Platform } from './tables.ts'
import { type DeviceSoftware, softwareOf, type SoftwarePage } from './software-list.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    devices: Devices
  }
}

export class Devices {
  /** One statement, whatever the filter. Totals come from the counters where they can answer. */
  listDevices(tx: Tx, filter: DeviceFilter, page: DevicePage): Promise<DeviceList> {
    return listDevices(tx, filter, page)
  }

  findDevice(tx: Tx, idOrName: string): Promise<Found> {
    return findDevice(tx, idOrName)
  }

  /** Null for what the transaction does not see. */
  deviceDetails(tx: Tx, id: string, sections: readonly SectionName[]): Promise<DeviceDetails | null> {
    return deviceDetails(tx, id, sections)
  }

  targetsByFilter(tx: Tx, filter: DeviceFilter, limit: number): Promise<{ targets: DeviceTarget[]; more: boolean }> {
    return targetsByFilter(tx, filter, limit)
  }

  /** What became different on a device that the transaction sees, the latest first. */
  changes(tx: Tx, deviceId: string, page: ChangesPage): Promise<DeviceChanges> {
    return changesOfDevice(tx, deviceId, page)
  }

  /** The packages of a device that the transaction sees, by name. */
  software(tx: Tx, deviceId: string, page: SoftwarePage): Promise<DeviceSoftware> {
    return softwareOf(tx, deviceId, page)
  }

  /** Of those that the transaction sees. */
  platforms(tx: Tx, deviceIds: readonly string[]): Promise<Map<string, Platform>> {
    return platformsOf(tx, deviceIds)
  }

  /** Device → what it lacks, for those that are known to lack one of the capabilities. One statement for any number. */
  incapable(tx: Tx, deviceIds: readonly string[], capabilities: readonly Capability[]): Promise<Map<string, string>> {
    return incapable(tx, deviceIds, capabilities)
  }
}

export type { DeviceSort } from './cursor.ts'
export type { DeviceFilter } from './filter.ts'
export type { DeviceDetails, DeviceSection, DeviceTarget, Found } from './find.ts'
export type { DeviceList, DevicePage } from './list.ts'
export type { DeviceRow } from './rows.ts'
export { DEVICE_ROLES, DEVICE_STATUSES, type DeviceRole, type DeviceStatus } from './tables.ts'
