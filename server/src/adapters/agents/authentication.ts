/** Is this connection the device it says? Asked by thousands at once after a restart, answered in batches. */
import type { KeyObject } from 'node:crypto'
import { type AgentFrame, authenticationMessage } from '@breeze/contract/agent-protocol'
import type { Logger } from 'pino'
import { cleanName } from '../../domains/devices/device-name.ts'
import { adoptKeys } from '../../domains/devices/device-keys.ts'
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
        const adopted = new Map<string, string>()
        for (const [index, { hello }] of asks.entries()) {
          const verdict = verdicts[index]
          // The device is told that it may forget its former key by being let in, so that must be written first.
          const { nextPublicKey } = known.get(hello.deviceId) ?? {}
          if (verdict?.state === 'proven' && verdict.device.publicKey === nextPublicKey)
            adopted.set(hello.deviceId, nextPublicKey)
          const version = cleanName(hello.agentVersion, 40)
          if (verdict?.state === 'proven' && version && version !== verdict.device.agentVersion)
            versions.set(hello.deviceId, version)
        }
        await adoptKeys(db, adopted)
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
    const message = authenticationMessage(nonce, hello.deviceId)
    let { publicKey, nextPublicKey } = device
    if (!(await this.#verifies(publicKey, message, hello.signature))) {
      if (nextPublicKey === null || !(await this.#verifies(nextPublicKey, message, hello.signature)))
        return { state: 'refused' }
      publicKey = nextPublicKey
      nextPublicKey = null
    }
    // Two connections of one batch must not share what changes later.
    const own = { hashes: new Map(device.hashes), conditions: new Set(device.conditions) }
    return { state: 'proven', device: { ...device, ...own, publicKey, nextPublicKey } }
  }

  async #verifies(publicKey: string, message: string, signature: string): Promise<boolean> {
    const key = this.#key(publicKey)
    return key !== null && (await verifyTextAside(key, message, signature))
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
