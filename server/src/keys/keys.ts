/** The server's own keys, from `keys/` in the data folder. */
import { randomBytes } from 'node:crypto'
import { CommandSigning, readPair } from './command-signing.ts'
import type { KeyPair } from './ed25519.ts'
import { addKeyFile, KEY_FILES, KeyFileError, openKeyFolder, readKeyFile } from './key-files.ts'
import { SecretBox } from './secret-box.ts'

export type { CommandSigner, SigningKey } from './command-signing.ts'

export interface Keys {
  readonly commands: CommandSigning
  readonly checkpoints: KeyPair
  /** Enters every stored token hash, so that a stolen table alone verifies no guess. */
  readonly pepper: Buffer
  /** Seals what must be read again, such as the secrets of second factors. */
  readonly box: SecretBox
}

/** Makes the keys on the first start. Throws `KeyFileError`, one line, for a folder that can't be trusted. */
export async function loadKeys(dataDir: string): Promise<Keys> {
  const folder = await openKeyFolder(dataDir)
  const pepper = await bytes(folder, KEY_FILES.pepper)
  // A kind of key that came with a later version: made where there is none.
  await addKeyFile(folder, KEY_FILES.data, randomBytes(32))
  const box = new SecretBox(await bytes(folder, KEY_FILES.data))
  return {
    commands: await CommandSigning.open(folder),
    checkpoints: await readPair(folder, KEY_FILES.checkpoints),
    pepper,
    box,
  }
}

async function bytes(folder: string, name: string): Promise<Buffer> {
  const content = await readKeyFile(folder, name)
  if (content.length !== 32) throw new KeyFileError(`keys/${name} must hold 32 bytes`)
  return content
}
