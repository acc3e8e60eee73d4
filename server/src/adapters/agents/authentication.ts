/** Is this connection the device it says? Asked by thousands at once after a restart, answered in batches. */
import type { KeyObject } from 'node:crypto'
import { type AgentFrame, authenticationMessage } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import { cleanName } from '../../domains/devices/device-name.ts'
import { type KnownDevice, lookUpDevices, writeAgentVersions } from '../../domains/devices/directory.ts'
import { importPublicKey, verifyTextAside } from '../../keys/ed25519.ts'
import { Batch } from '../../kernel/batch.ts'
import type { Db } from '../../kernel/db.ts'

export type Hello = Extract<AgentFrame, { type: 'hello' }>

export type Verdict = { state: 'proven'; device: KnownDevice } | { state: 'unknown' } | { state: 'refused' }

const MOST_KEYS = 20_000

export class Authentication {
  readonly #asks: Batch<{ hello: Hello; nonce: string }, Verdict>
  readonly #keys = new Map<string, KeyObject>()

  constructor({ db, log }: { db: Db; log: Pick<Logger, 'error'> }) {
    this.#asks = new Batch<{ hello: Hello; nonce: string }, Verdict>({
      windowMs: 5,
      maxItems: 200,
      handle: async (asks) => {
        const known = await lookUpDevices(db, [...new Set(asks.map((ask) => ask.hello.deviceId))])
        const judged = asks.map(({ hello, nonce }) => this.#judge(known.get(hello.deviceId), hello, nonce))
        const verdicts = await Promise.all(judged)
        const versions = new Map<string, string>()
        for (const [index, { hello }] of asks.entries()) {
          const verdict = verdicts[index]
          const version = cleanName(hello.agentVersion, 40)
          if (verdict?.state === 'proven' && version && version !== verdict.device.agentVersion)
            versions.set(hello.deviceId, version)
        }
        // Good to know, no reason to turn a device away.
        await writeAgentVersions(db, versions).catch((error: unknown) =>
          log.error({ err: error }, 'agent versions not written'),
        )
        return verdicts
      },
    })
  }

  /** Rejects when the database can't be asked. */
  check(hello: Hello, nonce: string): Promise<Verdict> {
    return this.#asks.add({ hello, nonce })
  }

  async #judge(device: KnownDevice | undefined, hello: Hello, nonce: string): Promise<Verdict> {
    if (!device) return { state: 'unknown' }
    const key = this.#key(device.publicKey)
    const message = authenticationMessage(nonce, hello.deviceId)
    const proven = key !== null && (await verifyTextAside(key, message, hello.signature))
    // Two connections of one batch must not share what changes later.
    return proven ? { state: 'proven', device: { ...device, hashes: new Map(device.hashes) } } : { state: 'refused' }
  }

  #key(text: string): KeyObject | null {
    const known = this.#keys.get(text)
    if (known) return known
    const key = importPublicKey(text)
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear()
    if (key) this.#keys.set(text, key)
    return key
  }
}
