import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AgentConfiguration,
  agentConfiguration,
  DEFAULT_CONFIGURATION,
} from '@breeze/contract/agent-configuration'
import * as z from 'zod'
import { replaceFile } from './durable-file.ts'
import { isMissing } from './identity-store.ts'
import { errorText, type Log } from './log.ts'

const stored = z.object({ etag: z.string().max(64), configuration: agentConfiguration })
type Stored = z.infer<typeof stored>

/** What the server wants of this device, kept over restarts. The server sends it again to whoever names another etag. */
export class ConfigurationStore {
  readonly #path: string
  #current: Stored | undefined
  /** One write after the other: the last to come is the last to stay. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, current: Stored | undefined) {
    this.#path = path
    this.#current = current
  }

  static async open(stateDirectory: string, log: Log): Promise<ConfigurationStore> {
    const path = join(stateDirectory, 'configuration.json')
    try {
      return new ConfigurationStore(path, stored.parse(JSON.parse(await readFile(path, 'utf8'))))
    } catch (error) {
      // Unreadable is as good as none: the server sends it anew.
      if (!isMissing(error)) log('configuration_unreadable', { message: errorText(error).slice(0, 200) })
      return new ConfigurationStore(path, undefined)
    }
  }

  get etag(): string | null {
    return this.#current?.etag ?? null
  }

  get configuration(): AgentConfiguration {
    return this.#current?.configuration ?? DEFAULT_CONFIGURATION
  }

  /** In force only when durable: what the next heartbeat acknowledges must survive a crash. */
  async replace(etag: string, configuration: AgentConfiguration): Promise<void> {
    const write = this.#writing.then(() => this.#write({ etag, configuration }))
    this.#writing = write.catch(() => undefined)
    await write
  }

  async #write(next: Stored): Promise<void> {
    await replaceFile(this.#path, `${JSON.stringify(next, null, 2)}\n`)
    this.#current = next
  }
}
