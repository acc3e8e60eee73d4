/** Known vulnerabilities of devices' packages, by exports that an operator brings. No network is asked. */
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import { conflict, KernelError } from '../../kernel/errors.ts'
import type { SectionChange } from '../devices/section-changes.ts'
import type { ImportFolder } from '../imports/import-folder.ts'
import { assessDevices } from './assess.ts'
import { type ImportedExport, importExport } from './import.ts'
import { type DeviceVulnerabilities, type ImportRow, readDevice, readImports } from './reads.ts'

export type { DeviceVulnerabilities } from './reads.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    vulnerabilities: Vulnerabilities
  }
}

const SECTIONS: ReadonlySet<string> = new Set(['software', 'os'])
/** Devices whose packages are joined at once. */
const AT_ONCE = 100
const MOST_BYTES = 1_000_000_000

export interface VulnerabilitiesOptions {
  db: Db
  folder: ImportFolder
  now(): Date
  newId(): string
  /** Told which devices have another result than before, after it is durable. Must not throw. */
  changed?: ((deviceIds: readonly string[]) => void) | undefined
  failed(error: unknown): void
}

export interface RunningImport {
  file: string
  startedAt: Date
  advisories: number
}

export class Vulnerabilities {
  readonly #options: VulnerabilitiesOptions
  readonly #devices: Batch<string, void>
  readonly #ended = new AbortController()
  #running: RunningImport | null = null
  /** Of the last one here, if it failed: whoever asked for it may be gone. */
  #failure: { file: string; reason: string } | null = null
  #importing: Promise<unknown> = Promise.resolve()
  #catchingUp: Promise<void> | undefined

  constructor(options: VulnerabilitiesOptions) {
    const { db, now, changed } = options
    this.#options = options
    this.#devices = new Batch<string, void>({
      windowMs: 250,
      maxItems: AT_ONCE,
      handle: async (ids) => {
        const different = await assessDevices(db, now(), [...new Set(ids)])
        if (different.length > 0) changed?.(different)
        return ids.map(() => undefined)
      },
    })
  }

  /** An import that a server which ended left behind is none. */
  async start(): Promise<void> {
    await this.#options.db.workerStatement(
      'drop_vulnerability_imports',
      `delete from vulnerability_imports where state = 'running'`,
      [],
    )
  }

  /** For `Inventory`: sections of devices became different. */
  reported(changes: readonly SectionChange[]): void {
    const devices = new Set(changes.filter(({ section }) => SECTIONS.has(section)).map(({ deviceId }) => deviceId))
    for (const id of devices) this.#devices.add(id).catch(this.#options.failed)
  }

  /** Assesses the devices that report other packages, or that another import is in force for, than when they were last. */
  catchUp(): Promise<void> {
    return (this.#catchingUp ??= this.#catchUp().finally(() => {
      this.#catchingUp = undefined
    }))
  }

  async #catchUp(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#devices.idle()
      const behind = await this.#options.db.worker((tx) => devicesBehind(tx, AT_ONCE))
      await Promise.all(behind.map((id) => this.#devices.add(id)))
      if (behind.length < AT_ONCE) return
    }
  }

  /** One at a time. Resolves when all of it counts; devices are assessed by it from then on. */
  async import(name: string, by: string): Promise<ImportedExport[]> {
    if (this.#running)
      throw conflict(
        `${this.#running.file} is being imported.`,
        'Wait until it is done: list_vulnerability_imports tells.',
      )
    const running = { file: name, startedAt: this.#options.now(), advisories: 0 }
    this.#running = running
    const importing = this.#import(running, by)
    // Whoever asked is told how it ended; a stop only waits for the end.
    this.#importing = importing.catch(() => undefined)
    const imported = await importing
    this.catchUp().catch(this.#options.failed)
    return imported
  }

  async #import(running: RunningImport, by: string): Promise<ImportedExport[]> {
    const { db, folder, now, newId, failed } = this.#options
    try {
      const file = await folder.open(running.file, MOST_BYTES)
      try {
        const progress = (advisories: number): void => {
          running.advisories = advisories
        }
        const imported = await importExport({ db, file, by, now, newId, progress, signal: this.#ended.signal })
        this.#failure = null
        return imported
      } finally {
        await file.handle.close()
      }
    } catch (error) {
      const isOurs = error instanceof KernelError
      if (!isOurs) failed(error)
      this.#failure = { file: running.file, reason: isOurs ? error.denial.reason : 'Breeze could not complete it.' }
      throw error
    } finally {
      this.#running = null
    }
  }

  /** What is in force, by an owner's look: the rows are nobody's own. */
  async imports(): Promise<{
    running: RunningImport | null
    failure: { file: string; reason: string } | null
    imports: ImportRow[]
  }> {
    return { running: this.#running, failure: this.#failure, imports: await this.#options.db.worker(readImports) }
  }

  /** Null where it was never assessed, which says nothing of it. */
  ofDevice(tx: Tx, deviceId: string, most: number): Promise<DeviceVulnerabilities | null> {
    return readDevice(tx, deviceId, most)
  }

  async idle(): Promise<void> {
    await this.#catchingUp
    await this.#devices.idle()
  }

  async stop(): Promise<void> {
    this.#ended.abort(new Error('the server stopped'))
    await this.#importing
    await this.idle()
  }
}

const BEHIND = `
  select d.id from devices d
    join device_sections s on s.device_id = d.id and s.section = 'software'
    left join device_sections o on o.device_id = d.id and o.section = 'os'
    left join device_vulnerability_state v on v.device_id = d.id
    left join vulnerability_imports i on i.ecosystem = v.ecosystem and i.state = 'current'
  where d.removed_at is null and (v.device_id is null or s.hash is distinct from v.software_hash or o.hash is distinct from v.os_hash
    or (v.ecosystem is not null and i.id is distinct from v.import_id))
  order by d.id limit $1`

async function devicesBehind(tx: Tx, most: number): Promise<string[]> {
  const rows = await tx.prepared<{ id: string }>('vulnerabilities_behind', BEHIND, [most])
  return rows.map((row) => row.id)
}
