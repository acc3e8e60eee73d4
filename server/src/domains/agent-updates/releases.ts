/**
 * The agent that this server ships, and those that it shipped before: kept by their digest, so that a rollout goes on with the
 * very build that was confirmed when the server has a newer one.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  buildFacts,
  MAX_RELEASE_BYTES,
  type ReleaseManifest,
  type SignedManifest,
} from '@breeze/contract/agent-release'
import { z } from 'zod'
import type { CommandSigner } from '../../keys/keys.ts'
import { KernelError } from '../../kernel/errors.ts'
import { DownloadTickets } from './tickets.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    agentReleases: AgentReleases
  }
}

export interface AgentReleasesOptions {
  /** The agent as one CommonJS file. */
  bundle: string
  dataDir: string
  signer: CommandSigner
  pepper: Buffer
  now(): Date
  failed(error: unknown): void
}

const stored = buildFacts.extend({ sha256: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: z.number().int() })
export type Release = z.output<typeof stored>

const ASK_MS = 30_000
/** Of builds, with the present one. */
const MOST_KEPT = 5
const MANIFEST_MS = 24 * 3_600_000

export class AgentReleases {
  readonly tickets: DownloadTickets
  readonly #options: AgentReleasesOptions
  /** `seen`: of the file that it was made of. */
  #current: { seen: string; release: Promise<Release> } | undefined

  constructor(options: AgentReleasesOptions) {
    this.#options = options
    this.tickets = new DownloadTickets(options.pepper, options.now)
  }

  /** The first call after the file changed runs it, to ask it for its version. A failed attempt is made again by the next. */
  async current(): Promise<Release> {
    try {
      const { mtimeMs, size } = await stat(this.#options.bundle)
      const seen = `${mtimeMs} ${size}`
      if (this.#current?.seen !== seen) this.#current = { seen, release: this.#take() }
      return await this.#current.release
    } catch (error) {
      this.#current = undefined
      this.#options.failed(error)
      throw new KernelError({
        code: 'unavailable',
        reason: 'This server has no build of the agent that it could hand out.',
        remedy: 'Build the server whole (npm run build); its log says what is wrong.',
      })
    }
  }

  /** Null for a build that this server never had, or has no more. */
  async find(sha256: string): Promise<Release | null> {
    const facts = await readFile(this.#facts(sha256), 'utf8').catch(() => null)
    return facts === null ? null : stored.parse(JSON.parse(facts))
  }

  /** The file of a release that was found. */
  path(sha256: string): string {
    return join(this.#folder, `${stored.shape.sha256.parse(sha256)}.cjs`)
  }

  manifest({ version, sha256, sizeBytes, updatesFrom }: Release): SignedManifest {
    const { signer, now } = this.#options
    const at = now().getTime()
    const manifest: ReleaseManifest = {
      v: 1,
      version,
      sha256,
      sizeBytes,
      updatesFrom,
      issuedAt: new Date(at).toISOString(),
      expiresAt: new Date(at + MANIFEST_MS).toISOString(),
    }
    return signer.signRelease(JSON.stringify(manifest))
  }

  async #take(): Promise<Release> {
    const { bundle } = this.#options
    const bytes = await readFile(bundle)
    if (bytes.length > MAX_RELEASE_BYTES) throw new Error('the build of the agent is larger than agents take')
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const known = await this.find(sha256)
    if (known) return known
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await place(this.path(sha256), bytes)
    // The copy is asked, so that it is what its digest says whatever becomes of the original meanwhile.
    const { stdout } = await promisify(execFile)(process.execPath, [this.path(sha256), '--release'], {
      timeout: ASK_MS,
      env: {},
    })
    const release = { ...buildFacts.parse(JSON.parse(stdout)), sha256, sizeBytes: bytes.length }
    await place(this.#facts(sha256), JSON.stringify(release))
    await this.#removeOldest()
    return release
  }

  async #removeOldest(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.json'))
    const dated = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#folder, name))).mtimeMs })),
    )
    for (const { name } of dated.toSorted((a, b) => b.at - a.at).slice(MOST_KEPT)) {
      await rm(join(this.#folder, name), { force: true })
      await rm(join(this.#folder, name.replace(/json$/, 'cjs')), { force: true })
    }
  }

  get #folder(): string {
    return join(this.#options.dataDir, 'agent-releases')
  }

  #facts(sha256: string): string {
    return join(this.#folder, `${stored.shape.sha256.parse(sha256)}.json`)
  }
}

/** Under its name it is whole or absent. */
async function place(path: string, content: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
