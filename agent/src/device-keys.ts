import { createHash, type KeyObject } from 'node:crypto'
import { rotationMessage } from '@breeze/contract/agent-protocol'
import { createDeviceKey, exportPrivateKey, importPrivateKey, publicKeyText, signText } from './device-key.ts'
import type { Reply } from './device.ts'
import { fault } from './faults.ts'
import { type IdentityHolder, without } from './identity-store.ts'
import { errorText, type Log } from './log.ts'

const DAY_MS = 86_400_000
const ROTATE_AFTER_MS = 90 * DAY_MS
/** A fleet that was enrolled on one day does not rotate on one day. */
const SPREAD_MS = 20 * DAY_MS

export function rotationDueAt(deviceId: string, createdAtMs: number): number {
  const place = createHash('sha256').update(`rotation\n${deviceId}`).digest().readUInt32BE(0) / 2 ** 32
  return createdAtMs + ROTATE_AFTER_MS + (place - 0.5) * SPREAD_MS
}

/**
 * The device's key and, during a rotation, the next one. The next one is durable before the server hears of it, and the
 * old one is forgotten only when the server is known to know the next: by its word, or by a connection proven with it.
 * In between either may be the right one, so the next is tried first and then the old.
 */
export class DeviceKeys {
  readonly #identity: IdentityHolder
  readonly #log: Log
  #current: KeyObject
  #next: KeyObject | undefined
  /** Which key the next proof uses, and which one the last did. */
  #trying: 'current' | 'next'
  #used: 'current' | 'next' = 'current'

  constructor(identity: IdentityHolder, log: Log) {
    const { privateKey, nextPrivateKey } = identity.current
    this.#identity = identity
    this.#log = log
    this.#current = importPrivateKey(privateKey)
    this.#next = nextPrivateKey === undefined ? undefined : importPrivateKey(nextPrivateKey)
    this.#trying = this.#next ? 'next' : 'current'
  }

  sign(message: string): string {
    this.#used = this.#next ? this.#trying : 'current'
    return signText(this.#used === 'next' && this.#next ? this.#next : this.#current, message)
  }

  /** The last proof was refused. True when the other key has not been tried in this round. */
  refused(): boolean {
    if (!this.#next) return false
    this.#trying = this.#used === 'next' ? 'current' : 'next'
    return this.#trying === 'current'
  }

  /** A connection stands. What a rotation began is ended, or told once more; a key that is old enough is replaced. */
  async welcomed(reply: Reply, nowMs: number): Promise<void> {
    if (this.#next && this.#used === 'next') await this.#settle()
    if (this.#next) return this.#offer(this.#next, reply)
    await this.rotateWhenDue(reply, nowMs)
  }

  async rotateWhenDue(reply: Reply, nowMs: number): Promise<void> {
    if (this.#next) return
    const { deviceId, keyCreatedAt } = this.#identity.current
    try {
      if (keyCreatedAt === undefined) await this.#age(nowMs)
      else if (nowMs >= rotationDueAt(deviceId, Date.parse(keyCreatedAt))) await this.#begin(reply)
    } catch (error) {
      // A folder that can't be written: the old key goes on, and this is tried again.
      this.#log('key_rotation_put_off', { message: errorText(error) })
    }
  }

  /** The server's word for `rotate_key`. */
  async confirmed(publicKey: string): Promise<void> {
    if (this.#next && publicKeyText(this.#next) === publicKey) await this.#settle()
  }

  async #age(nowMs: number): Promise<void> {
    const keyCreatedAt = new Date(nowMs).toISOString()
    await this.#identity.update((identity) => ({ ...identity, keyCreatedAt }))
  }

  async #begin(reply: Reply): Promise<void> {
    const next = createDeviceKey()
    await this.#identity.update((identity) => ({ ...identity, nextPrivateKey: exportPrivateKey(next) }))
    this.#next = next
    fault('rotation.key_saved')
    this.#log('key_rotation_started')
    await this.#offer(next, reply)
  }

  async #offer(next: KeyObject, reply: Reply): Promise<void> {
    const publicKey = publicKeyText(next)
    this.#trying = 'next'
    const signature = signText(next, rotationMessage(this.#identity.current.deviceId, publicKey))
    await reply({ type: 'rotate_key', publicKey, signature })
    fault('rotation.sent')
  }

  async #settle(): Promise<void> {
    const next = this.#next
    if (!next) return
    fault('rotation.confirmed')
    this.#current = next
    this.#next = undefined
    this.#trying = 'current'
    await this.#identity.update((identity) => ({
      ...without(identity, 'nextPrivateKey', 'keyCreatedAt'),
      privateKey: exportPrivateKey(next),
    }))
    fault('rotation.saved')
    this.#log('key_rotated')
  }
}
