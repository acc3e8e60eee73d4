import { mkdir, readFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { serverKey } from '@breeze/contract/agent-protocol'
import * as z from 'zod'
import { replaceFile } from './durable-file.ts'

/** `key_only`: the key exists, and the server may or may not have heard of it (a crash during enrollment). */
const storedIdentity = z.discriminatedUnion('state', [
  z.object({ state: z.literal('key_only'), privateKey: z.string() }),
  z.object({
    state: z.literal('enrolled'),
    privateKey: z.string(),
    deviceId: z.uuid(),
    organizationId: z.uuid(),
    heartbeatSeconds: z.number().int(),
    /** As received over the enrollment request; never changed afterwards. */
    pinnedServerKeys: z.array(serverKey).min(1),
    /** Whose commands run now. */
    serverKeys: z.array(serverKey).min(1),
    /** By the server's clock. Absent in a folder of an older agent: counted from the first look. */
    keyCreatedAt: z.iso.datetime().optional(),
    /** Takes the place of `privateKey` when the server is known to know it. */
    nextPrivateKey: z.string().optional(),
    /** This identity is a copy's, and this is the key of the device it becomes. */
    separationPrivateKey: z.string().optional(),
    /** The journal in this folder is another device's. */
    foreignJournal: z.literal(true).optional(),
  }),
])
export type StoredIdentity = z.infer<typeof storedIdentity>
export type EnrolledIdentity = Extract<StoredIdentity, { state: 'enrolled' }>

type Passing = 'keyCreatedAt' | 'nextPrivateKey' | 'separationPrivateKey' | 'foreignJournal'

export function without(identity: EnrolledIdentity, ...names: readonly Passing[]): EnrolledIdentity {
  const rest = { ...identity }
  for (const name of names) delete rest[name]
  return rest
}

/** The private key lives here, so the folder is 0700 and the file 0600 whatever the umask. */
export async function prepareStateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
}

export async function loadIdentity(directory: string): Promise<StoredIdentity | undefined> {
  let text: string
  try {
    text = await readFile(identityPath(directory), 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return storedIdentity.parse(JSON.parse(text))
  } catch (error) {
    // Never replaced by a fresh key: that would silently enroll the machine a second time.
    throw new Error('identity.json cannot be read; restore it, or remove it to enroll this device anew', {
      cause: error,
    })
  }
}

export async function saveIdentity(directory: string, identity: StoredIdentity): Promise<void> {
  await replaceFile(identityPath(directory), `${JSON.stringify(identity, null, 2)}\n`)
}

/** The identity in use. Several things change it, so one write follows the other. */
export class IdentityHolder {
  readonly #directory: string
  #current: EnrolledIdentity
  #writing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(directory: string, identity: EnrolledIdentity) {
    this.#directory = directory
    this.#current = identity
  }

  get current(): EnrolledIdentity {
    return this.#current
  }

  /** In force at once; settles when durable, and rejects where the folder can't be written. */
  async update(change: (identity: EnrolledIdentity) => EnrolledIdentity): Promise<void> {
    if (this.#closed) throw new Error('This identity is not in use any more')
    this.#current = change(this.#current)
    const write = this.#writing.then(() => saveIdentity(this.#directory, this.#current))
    this.#writing = write.catch(() => undefined)
    await write
  }

  /** Settles when the last write is done; what comes later must not overwrite an identity that follows this one. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function identityPath(directory: string): string {
  return join(directory, 'identity.json')
}
