/**
 * The keys that sign commands: the current one signs, the next one is known to agents before it does, former ones stay
 * published, because commands signed by them may still be on their way and because each of them vouches for its successor.
 */
import { cancelMessage, commandMessage } from '@breeze/contract/agent-commands'
import { releaseMessage, type SignedManifest } from '@breeze/contract/agent-release'
import { endorsementMessage, type ServerKey, serverKey } from '@breeze/contract/agent-protocol'
import { z } from 'zod'
import { conflict } from '../kernel/errors.ts'
import { fault } from '../kernel/faults.ts'
import { createPrivateKeyText, type KeyPair, keyPair } from './ed25519.ts'
import {
  addKeyFile,
  hasKeyFile,
  KEY_FILES,
  KeyFileError,
  readKeyFile,
  renameKeyFile,
  replaceKeyFile,
} from './key-files.ts'

export interface SigningKey {
  readonly id: string
  /** base64url of the 32 raw bytes. */
  readonly publicKey: string
  /** Signs `commandMessage(payload)`. */
  sign(payload: string): { keyId: string; signature: string }
  /** The same for `cancelMessage(payload)`. */
  signCancel(payload: string): { keyId: string; signature: string }
  /** The same for `releaseMessage(payload)`. */
  signRelease(payload: string): SignedManifest
}

/** Signs with whichever key is the current one. */
export interface CommandSigner extends SigningKey {
  /** What agents are told to trust: the current key, the next one, then former ones, the latest first. */
  readonly published: readonly ServerKey[]
  /** The current key, for work that must be signed by one and the same. */
  current(): SigningKey
}

/** With the current and the next one, as many as an agent takes. */
const MOST_FORMER = 10
const chainFile = z.array(serverKey).max(100)

export class CommandSigning implements CommandSigner {
  readonly #folder: string
  #current: KeyPair
  #next: KeyPair
  #published: readonly ServerKey[]
  #rotating: Promise<unknown> = Promise.resolve()

  private constructor(folder: string, current: KeyPair, next: KeyPair, published: readonly ServerKey[]) {
    this.#folder = folder
    this.#current = current
    this.#next = next
    this.#published = published
  }

  /** Makes the next key where there is none: on the first start, or after a rotation that was cut short. */
  static async open(folder: string): Promise<CommandSigning> {
    const current = await readPair(folder, KEY_FILES.commands)
    const next = await readNext(folder)
    return new CommandSigning(folder, current, next, published(current, next, await readChain(folder)))
  }

  get id(): string {
    return this.#current.id
  }

  get publicKey(): string {
    return this.#current.publicKey
  }

  get published(): readonly ServerKey[] {
    return this.#published
  }

  current(): SigningKey {
    const pair = this.#current
    return {
      id: pair.id,
      publicKey: pair.publicKey,
      sign: (payload) => ({ keyId: pair.id, signature: pair.sign(commandMessage(payload)) }),
      signCancel: (payload) => ({ keyId: pair.id, signature: pair.sign(cancelMessage(payload)) }),
      signRelease: (payload) => ({ keyId: pair.id, payload, signature: pair.sign(releaseMessage(payload)) }),
    }
  }

  sign(payload: string): { keyId: string; signature: string } {
    return { keyId: this.#current.id, signature: this.#current.sign(commandMessage(payload)) }
  }

  signCancel(payload: string): { keyId: string; signature: string } {
    return { keyId: this.#current.id, signature: this.#current.sign(cancelMessage(payload)) }
  }

  signRelease(payload: string): SignedManifest {
    return this.current().signRelease(payload)
  }

  /** The next key signs from now on. Refused when `expected` is not the current one any more: one rotation per wish. */
  rotate(expected: string): Promise<void> {
    const rotated = this.#rotating.then(() => this.#rotate(expected))
    this.#rotating = rotated.catch(() => undefined)
    return rotated
  }

  /**
   * Each step is whole on the disk before the next, and a start after any of them finds a folder that works. The chain
   * comes first, because the word of the current key for the next one can't be given once the current one is gone.
   */
  async #rotate(expected: string): Promise<void> {
    if (this.#current.id !== expected)
      throw conflict(
        'The signing key was changed meanwhile.',
        'Look at the present one and ask again if it must change.',
      )
    const former = this.#published.filter((key) => key.id !== this.#next.id)
    const chain = [endorsed(this.#current, this.#next), ...former].slice(0, MOST_FORMER + 2)
    await replaceKeyFile(this.#folder, KEY_FILES.chain, JSON.stringify(chain))
    fault('keys.chained')
    await renameKeyFile(this.#folder, KEY_FILES.nextCommands, KEY_FILES.commands)
    fault('keys.promoted')
    this.#current = this.#next
    this.#next = await readNext(this.#folder)
    fault('keys.prepared')
    this.#published = published(this.#current, this.#next, chain)
  }
}

function published(current: KeyPair, next: KeyPair, chain: readonly ServerKey[]): readonly ServerKey[] {
  const own = chain.find((key) => key.id === current.id) ?? { id: current.id, publicKey: current.publicKey }
  const former = chain.filter((key) => key.id !== current.id && key.id !== next.id)
  return [own, endorsed(current, next), ...former.slice(0, MOST_FORMER)]
}

function endorsed(by: KeyPair, { id, publicKey }: KeyPair): ServerKey {
  return { id, publicKey, endorsedBy: { id: by.id, signature: by.sign(endorsementMessage({ id, publicKey })) } }
}

async function readNext(folder: string): Promise<KeyPair> {
  if (!(await hasKeyFile(folder, KEY_FILES.nextCommands)))
    await addKeyFile(folder, KEY_FILES.nextCommands, createPrivateKeyText())
  return readPair(folder, KEY_FILES.nextCommands)
}

async function readChain(folder: string): Promise<ServerKey[]> {
  if (!(await hasKeyFile(folder, KEY_FILES.chain))) return []
  const text = (await readKeyFile(folder, KEY_FILES.chain)).toString()
  try {
    return chainFile.parse(JSON.parse(text))
  } catch (error) {
    throw new KeyFileError(`keys/${KEY_FILES.chain} is not a list of public keys: restore it from a backup`, {
      cause: error,
    })
  }
}

export async function readPair(folder: string, name: string): Promise<KeyPair> {
  const text = await readKeyFile(folder, name)
  try {
    return keyPair(text)
  } catch (error) {
    throw new KeyFileError(`keys/${name} is not an Ed25519 private key in PEM`, { cause: error })
  }
}
