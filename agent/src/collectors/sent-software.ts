import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type InventorySections,
  MOST_SOFTWARE,
  type SoftwareDelta,
  type SoftwareItem,
  softwareKey,
} from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { replaceFile } from '../durable-file.ts'
import { errorText, type Log } from '../log.ts'

/** The content of the software section that was last sent: what names each package, and a digest of the rest. */
const sent = z.object({ hash: z.string().max(64), items: z.record(z.string().max(400), z.string().max(32)) })
type Sent = z.infer<typeof sent>

/**
 * Knows what the server was last told of the installed software, also after a restart, so that a change of three packages
 * costs three packages and not three thousand. It may be wrong about what arrived: the server compares the base.
 */
export class SentSoftware {
  readonly #path: string
  readonly #log: Log
  #last: Promise<Sent | undefined> | undefined
  #written: Promise<void> = Promise.resolve()

  constructor(stateDirectory: string, log: Log) {
    this.#path = join(stateDirectory, 'software-sent.json')
    this.#log = log
  }

  /** What to send instead of the section; undefined where the section must go whole. Counts either as sent. */
  async delta(
    section: InventorySections['software'],
    hash: string,
    options: { whole: boolean },
  ): Promise<SoftwareDelta | undefined> {
    const last = await (this.#last ??= this.#load())
    // A section with a remark is more than its packages, which is all that a delta tells.
    const data = section.status === 'ok' && section.detail === undefined ? section.data : undefined
    const next = data && { hash, items: digests(data) }
    this.#last = Promise.resolve(next)
    if (next?.hash !== last?.hash) this.#write(next)
    if (!data || !next || !last || options.whole || last.hash === hash) return undefined
    const { source, collectedAt } = section
    const changes = difference(last.items, next.items, data)
    // A long list of changes costs more to take in than the whole.
    if (changes.upserts.length + changes.removed.length > data.length / 2) return undefined
    return { base: last.hash, hash, source, collectedAt, ...changes }
  }

  /** Settles when what was sent is on the disk. */
  async settled(): Promise<void> {
    await this.#written
  }

  async #load(): Promise<Sent | undefined> {
    try {
      const read = sent.parse(JSON.parse(await readFile(this.#path, 'utf8')))
      return read.hash === '' ? undefined : read
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      // Not knowing what was sent costs one whole section.
      if (!missing) this.#log('software_memory_unreadable', { message: errorText(error).slice(0, 200) })
      return undefined
    }
  }

  /** One write after the other: two at once would share their temporary file. */
  #write(next: Sent | undefined): void {
    const content = JSON.stringify(next ?? { hash: '', items: {} })
    this.#written = this.#written
      .then(() => replaceFile(this.#path, content))
      .catch((error: unknown) => this.#log('software_memory_error', { message: errorText(error) }))
  }
}

function digests(items: readonly SoftwareItem[]): Record<string, string> {
  return Object.fromEntries(items.slice(0, MOST_SOFTWARE).map((item) => [softwareKey(item), digest(item)]))
}

function digest(item: SoftwareItem): string {
  return createHash('sha256').update(JSON.stringify(item)).digest('base64url').slice(0, 16)
}

function difference(
  before: Sent['items'],
  after: Sent['items'],
  items: readonly SoftwareItem[],
): Pick<SoftwareDelta, 'upserts' | 'removed'> {
  const upserts = items.filter((item) => before[softwareKey(item)] !== after[softwareKey(item)])
  const removed = Object.keys(before).filter((key) => !(key in after))
  return { upserts, removed: removed.map(keyParts) }
}

function keyParts(key: string): SoftwareDelta['removed'][number] {
  const [source = '', name = '', architecture = ''] = key.split('\n')
  // The file is the agent's own, and only what it had in a section came into it.
  return { source: source as SoftwareItem['source'], name, architecture }
}
