/** The server's own keys, from `keys/` in the data folder. */
import { CommandSigning, readPair } from './command-signing.ts'
import type { KeyPair } from './ed25519.ts'
import { KEY_FILES, KeyFileError, openKeyFolder, readKeyFile } from './key-files.ts'

export type { CommandSigner, SigningKey } from './command-signing.ts'

export interface Keys {
  readonly commands: CommandSigning
  readonly checkpoints: KeyPair
  /** Enters every stored token hash, so that a stolen table alone verifies no guess. */
  readonly pepper: Buffer
}

/** Makes the keys on the first start. Throws `KeyFileError`, one line, for a folder that can't be trusted. */
export async function loadKeys(dataDir: string): Promise<Keys> {
  const folder = await openKeyFolder(dataDir)
  const pepper = await readKeyFile(folder, KEY_FILES.pepper)
  if (pepper.length !== 32) throw new KeyFileError(`keys/${KEY_FILES.pepper} must hold 32 bytes`)
  return {
    commands: await CommandSigning.open(folder),
    checkpoints: await readPair(folder, KEY_FILES.checkpoints),
    pepper,
  }
}
