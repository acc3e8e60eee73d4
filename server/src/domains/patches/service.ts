/** Which updates devices lack, what failed, and what follows: made of what they report, after it is durable. */
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import type { SectionChange } from '../devices/section-changes.ts'
import { type DevicePatches, devicePatches } from './device-patches.ts'
import { derivePatches, devicesBehind, openFailures, type PatchChange, type PatchFailure } from './derive.ts'

export type { PatchChange, PatchFailure } from './derive.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    patches: Patches
  }
}

const SECTIONS: ReadonlySet<string> = new Set(['updates', 'update_history', 'posture'])
/** Devices of one transaction. */
const AT_ONCE = 200

export interface PatchesOptions {
  db: Db
  now(): Date
  /** Told what became different, after it is durable. Must not throw. */
  changed?: ((changes: readonly PatchChange[]) => void) | undefined
  failed(error: unknown): void
}

export class Patches {
  readonly #options: PatchesOptions
  readonly #devices: Batch<string, void>

  constructor(options: PatchesOptions) {
    const { db, now, changed } = options
    this.#options = options
    this.#devices = new Batch<string, void>({
      windowMs: 100,
      maxItems: AT_ONCE,
      handle: async (ids) => {
        const changes = await db.worker((tx) => derivePatches(tx, now(), [...new Set(ids)]))
        if (changes.length > 0) changed?.(changes)
        return ids.map(() => undefined)
      },
    })
  }

  /** For `Inventory`: sections of devices became different. */
  reported(changes: readonly SectionChange[]): void {
    const devices = new Set(changes.filter(({ section }) => SECTIONS.has(section)).map(({ deviceId }) => deviceId))
    for (const id of devices) this.#devices.add(id).catch(this.#options.failed)
  }

  /** Makes up for what a server that ended left undone. */
  async catchUp(): Promise<void> {
    for (;;) {
      await this.idle()
      const behind = await this.#options.db.worker((tx) => devicesBehind(tx, AT_ONCE))
      await Promise.all(behind.map((id) => this.#devices.add(id)))
      if (behind.length < AT_ONCE) return
    }
  }

  /** Of a device that the transaction sees. */
  ofDevice(tx: Tx, deviceId: string, most: number): Promise<DevicePatches> {
    return devicePatches(tx, this.#options.now(), deviceId, most)
  }

  /** Of devices that the transaction sees. */
  openFailures(tx: Tx, deviceIds: readonly string[]): Promise<PatchFailure[]> {
    return openFailures(tx, this.#options.now(), deviceIds)
  }

  idle(): Promise<void> {
    return this.#devices.idle()
  }
}
