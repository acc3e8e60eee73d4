import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverKey } from '@breeze/contract/agent-protocol'
import * as z from 'zod'
import { replaceFile } from '../durable-file.ts'
import { isMissing, prepareStateDirectory } from '../identity-store.ts'
import { seededHex } from './seeded.ts'

const fleetState = z.object({
  server: z.string(),
  seed: z.string(),
  /** As received at enrollment. */
  pinnedServerKeys: z.array(serverKey),
  /** The token last used for a site: an enrollment whose answer was lost is repeated with the same one. */
  tokens: z.record(z.string(), z.string()),
  /** By name. */
  devices: z.record(z.string(), z.object({ deviceId: z.uuid() })),
})
export type FleetState = z.infer<typeof fleetState>

/** Which devices of a fleet a server knows already. In memory only, where no folder is given. */
export class FleetStore {
  readonly #path: string | undefined
  readonly state: FleetState

  private constructor(path: string | undefined, state: FleetState) {
    this.#path = path
    this.state = state
  }

  static async open(directory: string | undefined, server: string, seed: string): Promise<FleetStore> {
    const fresh: FleetState = { server, seed, pinnedServerKeys: [], tokens: {}, devices: {} }
    if (directory === undefined) return new FleetStore(undefined, fresh)
    await prepareStateDirectory(directory)
    const path = join(directory, `fleet-${seededHex(`${server}\n${seed}`, 12)}.json`)
    return new FleetStore(path, (await read(path)) ?? fresh)
  }

  async save(): Promise<void> {
    if (this.#path !== undefined) await replaceFile(this.#path, `${JSON.stringify(this.state)}\n`)
  }
}

async function read(path: string): Promise<FleetState | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return fleetState.parse(JSON.parse(text))
  } catch (error) {
    throw new Error(`${path} cannot be read; remove it and use another seed to start a new fleet`, { cause: error })
  }
}
