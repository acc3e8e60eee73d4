import { createHash } from 'node:crypto'
import {
  type InventorySections,
  SECTION_NAMES,
  type SectionName,
  type SectionStatus,
} from '@breeze/contract/agent-inventory'
import type { InventoryBody } from '../device.ts'
import { errorText } from '../log.ts'
import { cpu } from './cpu.ts'
import { disks } from './disks.ts'
import { identity } from './identity.ts'
import { memory } from './memory.ts'
import { network } from './network.ts'
import { os } from './os.ts'
import { clip, type Collector, type Note, type SectionData, statusOf } from './section.ts'
import { linuxServices } from './services.ts'
import { linuxSoftware } from './software.ts'
import { users } from './users.ts'

const TIMEOUT_MS = 5000

type Collectors = { readonly [N in SectionName]?: Collector<N> }
export const COLLECTORS = {
  identity,
  os,
  cpu,
  memory,
  disks,
  network,
  services: linuxServices,
  software: linuxSoftware,
  users,
} satisfies Collectors

interface Reading<N extends SectionName> {
  data: SectionData<N>
  note: Note
}

interface Collected<N extends SectionName> {
  section: InventorySections[N]
  hash: string
}

/** Runs collectors, each within its time, and remembers the hash of what each section last said. */
export class Inventory {
  readonly #collectors: Collectors
  readonly #timeoutMs: number
  /** Whoever asks meanwhile waits for the same read: a hung disk must not tie up a thread more with every attempt. */
  readonly #reading: { [N in SectionName]?: Promise<Reading<N>> } = {}
  #hashes: Record<string, string> = {}

  constructor(collectors: Collectors = COLLECTORS, timeoutMs = TIMEOUT_MS) {
    this.#collectors = collectors
    this.#timeoutMs = timeoutMs
  }

  get hashes(): Readonly<Record<string, string>> {
    return this.#hashes
  }

  async collect(names: readonly SectionName[] = SECTION_NAMES): Promise<InventoryBody> {
    const sections: Partial<InventorySections> = {}
    const hashes: Record<string, string> = {}
    const add = async <N extends SectionName>(name: N): Promise<void> => {
      const collector = this.#collectors[name] as Collector<N> | undefined
      if (!collector) return
      const collected = await this.#collectOne(collector)
      sections[name] = collected.section
      hashes[name] = collected.hash
    }
    await Promise.all([...new Set(names)].map((name) => add(name)))
    this.#hashes = { ...this.#hashes, ...hashes }
    return { sections, hashes }
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
