/** The server's own keys, from `keys/` in the data folder. */
import { cancelMessage, commandMessage } from '@breeze/contract/agent-commands'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { type KeyPair, keyPair } from './ed25519.ts'
import { hasKeyFile, KEY_FILES, KeyFileError, openKeyFolder, readKeyFile } from './key-files.ts'

export interface CommandSigner {
  readonly id: string
  /** base64url of the 32 raw bytes. */
  readonly publicKey: string
  /** What agents are told to trust: the current key first, then the next one when a rotation is prepared. */
  readonly published: readonly ServerKey[]
  /** Signs `commandMessage(payload)` with the current key. */
  sign(payload: string): { keyId: string; signature: string }
  /** The same for `cancelMessage(payload)`. */
  signCancel(payload: string): { keyId: string; signature: string }
}

export interface Keys {
  readonly commands: CommandSigner
  readonly checkpoints: KeyPair
  /** Enters every stored token hash, so that a stolen table alone verifies no guess. */
  readonly pepper: Buffer
}

/** Makes the keys on the first start. Throws `KeyFileError`, one line, for a folder that can't be trusted. */
export async function loadKeys(dataDir: string): Promise<Keys> {
  const folder = await openKeyFolder(dataDir)
  const current = await pair(folder, KEY_FILES.commands)
  const next = (await hasKeyFile(folder, KEY_FILES.nextCommands)) ? await pair(folder, KEY_FILES.nextCommands) : null
  const pepper = await readKeyFile(folder, KEY_FILES.pepper)
  if (pepper.length !== 32) throw new KeyFileError(`keys/${KEY_FILES.pepper} must hold 32 bytes`)
  return {
    commands: {
      id: current.id,
      publicKey: current.publicKey,
      published: [current, ...(next ? [next] : [])].map(({ id, publicKey }) => ({ id, publicKey })),
      sign: (payload) => ({ keyId: current.id, signature: current.sign(commandMessage(payload)) }),
      signCancel: (payload) => ({ keyId: current.id, signature: current.sign(cancelMessage(payload)) }),
    },
    checkpoints: await pair(folder, KEY_FILES.checkpoints),
    pepper,
  }
}

async function pair(folder: string, name: string): Promise<KeyPair> {
  const text = await readKeyFile(folder, name)
  try {
    return keyPair(text)
  } catch (error) {
    throw new KeyFileError(`keys/${name} is not an Ed25519 private key in PEM`, { cause: error })
  }
}
