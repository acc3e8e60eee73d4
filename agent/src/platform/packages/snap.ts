import { request } from 'node:http'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { fileFingerprint, type PackageManager, softwareItem } from './manager.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 8_000_000

const SOCKET = '/run/snapd.socket'
const STATE = '/var/lib/snapd/state.json'
/** Where distributions have the daemon. A removed one leaves its state behind, and no snaps. */
const DAEMONS = ['/usr/lib/snapd/snapd', '/usr/libexec/snapd/snapd']

/** The daemon's REST interface on its local socket: `snap list` is made for people. */
export function snap(socketPath = SOCKET, state = STATE, daemons: readonly string[] = DAEMONS): PackageManager {
  return {
    source: 'snap',
    async fingerprint() {
      return (await fileFingerprint(daemons)) === undefined ? undefined : await fileFingerprint([state])
    },
    read: async () => parseSnaps(JSON.parse(await get(socketPath, '/v2/snaps'))),
  }
}

const answer = z.object({
  result: z.array(
    z.object({
      name: z.string(),
      version: z.string().default(''),
      publisher: z.object({ 'display-name': z.string().optional() }).optional(),
      'install-date': z.string().optional(),
      'installed-size': z.number().optional(),
    }),
  ),
})

export function parseSnaps(body: unknown): SoftwareItem[] {
  return answer.parse(body).result.map((found) => {
    const installed = Date.parse(found['install-date'] ?? '')
    return softwareItem({
      source: 'snap',
      name: found.name,
      version: found.version,
      publisher: found.publisher?.['display-name'],
      installedAt: Number.isNaN(installed) ? undefined : new Date(installed).toISOString(),
      sizeBytes: found['installed-size'],
    })
  })
}

function get(socketPath: string, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const call = request({ socketPath, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
    const chunks: Buffer[] = []
    let total = 0
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      total += chunk.length
      if (total > MAX_BYTES) response.destroy(new Error('snapd answered more than is read'))
    })
    response.on('error', reject)
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
      else reject(new Error(`snapd answered ${response.statusCode}`))
    })
  })
  call.on('error', reject)
  call.end()
  return promise
}
