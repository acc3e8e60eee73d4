import { createHash } from 'node:crypto'
import {
  type InventorySections,
  SECTION_NAMES,
  type SectionName,
  type SectionStatus,
} from '@breeze/contract/agent-inventory'
import type { InventoryBody } from '../device.ts'
import { errorText } from '../log.ts'
import { certificates } from './certificates.ts'
import { cpu } from './cpu.ts'
import { disks } from './disks.ts'
import { identity } from './identity.ts'
import { memory } from './memory.ts'
import { macosCollectors } from './macos.ts'
import { network } from './network.ts'
import { os } from './os.ts'
import { posture } from './posture.ts'
import { clip, type Collector, type Collectors, type Note, type SectionData, statusOf } from './section.ts'
import { SentSoftware } from './sent-software.ts'
import { linuxServices } from './services.ts'
import { linuxSoftware } from './software.ts'
import { linuxUpdateHistory } from './update-history.ts'
import { linuxUpdates } from './updates.ts'
import { users } from './users.ts'
import { windowsCollectors } from './windows.ts'

const TIMEOUT_MS = 5000
/** Of a costly section that could not be read. */
const RETRY_SECONDS = 900

export const COLLECTORS = {
  identity,
  os,
  cpu,
  memory,
  disks,
  network,
  posture,
  services: linuxServices,
  software: linuxSoftware,
  updates: linuxUpdates,
  update_history: linuxUpdateHistory,
  users,
  certificates,
  ...(process.platform === 'win32' && windowsCollectors),
  ...(process.platform === 'darwin' && macosCollectors),
} satisfies Collectors

interface Reading<N extends SectionName> {
  data: SectionData<N>
  note: Note
}

interface Collected<N extends SectionName> {
  section: InventorySections[N]
  hash: string
}

/**
 * Runs collectors, each within its time, and remembers the hash of what each section last said. Costly sections are
 * answered from their last reading; `refresh` reads.
 */
export class Inventory {
  readonly #collectors: Collectors
  readonly #timeoutMs: number
  readonly #sent: SentSoftware | undefined
  /** Whoever asks meanwhile waits for the same read: a hung disk must not tie up a thread more with every attempt. */
  readonly #reading: { [N in SectionName]?: Promise<Reading<N>> } = {}
  /** Of the costly sections. */
  readonly #kept: { [N in SectionName]?: Collected<N> } = {}
  readonly #readAtMs = new Map<SectionName, number>()
  #hashes: Record<string, string> = {}

  constructor(collectors: Collectors = COLLECTORS, timeoutMs = TIMEOUT_MS, sent?: SentSoftware) {
    this.#collectors = collectors
    this.#timeoutMs = timeoutMs
    this.#sent = sent
  }

  get hashes(): Readonly<Record<string, string>> {
    return this.#hashes
  }

  /** What can be read at every look. */
  get cheap(): SectionName[] {
    return SECTION_NAMES.filter((name) => this.#collectors[name] && !this.#collectors[name].costly)
  }

  /** The costly sections whose last reading is older than `seconds`. One that failed is tried again sooner. */
  due(seconds: number): SectionName[] {
    return SECTION_NAMES.filter((name) => {
      if (!this.#collectors[name]?.costly) return false
      const failedLast = this.#kept[name] !== undefined && this.#kept[name].section.status !== 'ok'
      const waitSeconds = failedLast ? Math.min(seconds, RETRY_SECONDS) : seconds
      return performance.now() - (this.#readAtMs.get(name) ?? -Infinity) >= waitSeconds * 1000
    })
  }

  /** Reads sections now, so that the next heartbeat tells whether they changed. */
  async refresh(names: readonly SectionName[]): Promise<void> {
    await Promise.all([...new Set(names)].map((name) => this.#readNow(name)))
  }

  /** The same as `collect`, and nothing of it from an earlier reading. */
  async readAndCollect(names: readonly SectionName[]): Promise<InventoryBody> {
    await this.refresh(names.filter((name) => this.#collectors[name]?.costly))
    return await this.collect(names)
  }

  /** What to send. Software goes as a delta where the server knows the rest, but not when it is named in `whole`. */
  async collect(
    names: readonly SectionName[] = SECTION_NAMES,
    whole: readonly SectionName[] = [],
  ): Promise<InventoryBody> {
    const body: InventoryBody = { sections: {}, hashes: {} }
    const add = async <N extends SectionName>(name: N): Promise<void> => {
      const collected = (this.#kept[name] as Collected<N> | undefined) ?? (await this.#readNow(name))
      if (!collected) return
      body.sections[name] = collected.section
      body.hashes[name] = collected.hash
    }
    await Promise.all([...new Set([...names, ...whole])].map((name) => add(name)))
    const { software } = body.sections
    const delta = software && (await this.#softwareDelta(software, body.hashes['software'], whole))
    if (!delta) return body
    delete body.sections.software
    return { ...body, softwareDelta: delta }
  }

  async #softwareDelta(
    section: InventorySections['software'],
    hash: string | undefined,
    whole: readonly SectionName[],
  ) {
    if (hash === undefined) return undefined
    return await this.#sent?.delta(section, hash, { whole: whole.includes('software') })
  }

  async #readNow<N extends SectionName>(name: N): Promise<Collected<N> | undefined> {
    // The compiler does not see that the collector under a name is that name's.
    const collector = this.#collectors[name] as Collector<N> | undefined
    if (!collector) return undefined
    if (collector.costly) this.#readAtMs.set(name, performance.now())
    const collected = await this.#collectOne(collector)
    if (name === 'software') this.#considerSoftware(collected.hash)
    this.#hashes = { ...this.#hashes, [name]: collected.hash }
    if (collector.costly) Object.assign(this.#kept, { [name]: collected })
    return collected
  }

  /** What was installed or removed changes what is pending, and is recorded. */
  #considerSoftware(hash: string): void {
    const before = this.#hashes['software']
    if (before === undefined || before === hash) return
    this.#readAtMs.delete('updates')
    this.#readAtMs.delete('update_history')
  }

  async #collectOne<N extends SectionName>(collector: Collector<N>): Promise<Collected<N>> {
    if (!collector.platforms.includes(process.platform)) {
      return failed(collector, 'unsupported', `not supported by this agent on ${process.platform} yet`)
    }
    try {
      const timeoutMs = collector.timeoutMs ?? this.#timeoutMs
      const reading = await within(this.#read(collector), timeoutMs)
      if (reading === 'timeout') return failed(collector, 'timeout', `no answer within ${timeoutMs} ms`)
      return collectedOk(collector, reading)
    } catch (error) {
      return failed(collector, statusOf(error), errorText(error))
    }
  }

  #read<N extends SectionName>(collector: Collector<N>): Promise<Reading<N>> {
    const underWay: Promise<Reading<N>> | undefined = this.#reading[collector.name]
    if (underWay) return underWay
    const reading = read(collector).finally(() => {
      delete this.#reading[collector.name]
    })
    Object.assign(this.#reading, { [collector.name]: reading })
    return reading
  }
}

async function read<N extends SectionName>(collector: Collector<N>): Promise<Reading<N>> {
  const note: Note = {}
  const data = await collector.collect((more) => Object.assign(note, more))
  return { data, note }
}

function collectedOk<N extends SectionName>(collector: Collector<N>, { data, note }: Reading<N>): Collected<N> {
  const source = clip(note.source ?? collector.source, 200)
  const detail = note.detail === undefined ? {} : { detail: clip(note.detail, 500) }
  const section = { status: 'ok', source, ...detail, collectedAt: new Date().toISOString(), data } as const
  // The compiler does not see that a generic N's section is this shape with N's data.
  return { section: section as InventorySections[N], hash: hash(['ok', source, collector.stable(data), detail]) }
}

function failed<N extends SectionName>(
  { source }: Collector<N>,
  status: Exclude<SectionStatus, 'ok'>,
  reason: string,
): Collected<N> {
  const detail = clip(reason, 500)
  const section = { status, source, collectedAt: new Date().toISOString(), detail }
  // Every section allows this shape: without data it is the same for all.
  return { section: section as InventorySections[N], hash: hash([status, source, detail]) }
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | 'timeout'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), milliseconds)
  })
  // A read that fails after its time was already reported as a timeout.
  work.catch(() => undefined)
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}
