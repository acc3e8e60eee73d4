import { mkdir, readFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { serverKey } from '@breeze/contract/agent-protocol'
import { z } from 'zod'
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
  }),
])
export type StoredIdentity = z.infer<typeof storedIdentity>
export type EnrolledIdentity = Extract<StoredIdentity, { state: 'enrolled' }>

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

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function identityPath(directory: string): string {
  return join(directory, 'identity.json')
}
