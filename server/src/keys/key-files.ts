/** The key folder: made whole on the first start, never repaired by inventing a missing key. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createPrivateKeyText } from './ed25519.ts'

export const KEY_FILES = {
  commands: 'command-signing.current.pem',
  /** Published to agents, signs nothing yet. */
  nextCommands: 'command-signing.next.pem',
  /** Public halves of all of them, the former ones too, each with the word of the one before it. */
  chain: 'command-signing.chain.json',
  checkpoints: 'audit-checkpoints.current.pem',
  pepper: 'token-pepper',
  /** Opens the secrets that the database holds sealed. */
  data: 'data-encryption',
} as const

/** One line for the operator: which file, what is wrong, what to do. */
export class KeyFileError extends Error {
  override name = 'KeyFileError'
}

const REQUIRED = [KEY_FILES.commands, KEY_FILES.checkpoints, KEY_FILES.pepper]

/** Answers the folder, with every required key in it. */
export async function openKeyFolder(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'keys')
  const present = await list(folder)
  if (present.length === 0) await create(dataDir, folder)
  await refuseOpenMode(folder, 0o700)
  const names = new Set(await list(folder))
  for (const name of REQUIRED) {
    if (!names.has(name)) {
      throw new KeyFileError(
        `keys/${name} is missing while other keys exist: restore it from a backup (a new one would orphan the fleet)`,
      )
    }
  }
  return folder
}

export async function readKeyFile(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name)
  await refuseOpenMode(path, 0o600)
  return readFile(path)
}

export async function hasKeyFile(folder: string, name: string): Promise<boolean> {
  return (await list(folder)).includes(name)
}

/** Whole under its name, or not at all; what was there before is replaced. */
export async function replaceKeyFile(folder: string, name: string, content: string): Promise<void> {
  const draft = join(folder, `${name}.${randomBytes(6).toString('hex')}.new`)
  await write(draft, content)
  await rename(draft, join(folder, name))
  await syncFolder(folder)
}

/** Does nothing when there is one already: another start of the server may be making it too. */
export async function addKeyFile(folder: string, name: string, content: string | Buffer): Promise<void> {
  const draft = join(folder, `${name}.${randomBytes(6).toString('hex')}.new`)
  await write(draft, content)
  try {
    await link(draft, join(folder, name))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  await syncFolder(folder)
}

/** One step: afterwards the file has its new name, and what had it before is gone. */
export async function renameKeyFile(folder: string, from: string, to: string): Promise<void> {
  await rename(join(folder, from), join(folder, to))
  await syncFolder(folder)
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** All keys appear at once under their final name, or none: a crash half-way leaves a folder that nobody reads. */
async function create(dataDir: string, folder: string): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  const draft = await mkdtemp(join(dataDir, 'keys.new-'))
  try {
    await write(join(draft, KEY_FILES.commands), createPrivateKeyText())
    await write(join(draft, KEY_FILES.nextCommands), createPrivateKeyText())
    await write(join(draft, KEY_FILES.checkpoints), createPrivateKeyText())
    await write(join(draft, KEY_FILES.pepper), randomBytes(32))
    await write(join(draft, KEY_FILES.data), randomBytes(32))
    await syncFolder(draft)
    await rename(draft, folder)
    await syncFolder(dataDir)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another start of the server was faster: its keys are the keys.
    const lost = error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')
    if (!lost) throw error
  }
}

async function write(path: string, content: string | Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function refuseOpenMode(path: string, wanted: number): Promise<void> {
  // Windows keeps access in lists that this number doesn't show.
  if (process.platform === 'win32') return
  const mode = (await stat(path)).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new KeyFileError(`${path} is open to others (mode ${octal(mode)}): run chmod ${octal(wanted)} on it`)
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}
