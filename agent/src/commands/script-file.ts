import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunAs } from './run-as.ts'

/** Root's on every Linux, and one that any user may pass through, which the state folder is not. */
const SHARED_ROOT = '/run/breeze-agent-scripts'

export interface ScriptFile {
  path: string
  remove(): Promise<void>
}

/** Writes a script where its interpreter, and nobody else, can read it. */
export async function writeScript(
  stateDirectory: string,
  name: string,
  content: string,
  runAs: RunAs | undefined,
): Promise<ScriptFile> {
  const parent = runAs ? sharedDirectory(stateDirectory) : privateDirectory(stateDirectory)
  const mode = runAs ? 0o711 : 0o700
  await mkdir(parent, { recursive: true, mode })
  // Whatever the umask.
  if (runAs) for (const shared of [SHARED_ROOT, parent]) await chmod(shared, mode)
  const folder = await mkdtemp(join(parent, 'run-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await chmod(folder, mode)
    const path = join(folder, name)
    await writeFile(path, content, { mode: runAs ? 0o400 : 0o700, flag: 'wx' })
    if (runAs) await chown(path, runAs.account.uid, runAs.account.gid)
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Scripts left by a crash are of no use to anyone. */
export async function clearScriptDirectory(stateDirectory: string): Promise<void> {
  await rm(privateDirectory(stateDirectory), { recursive: true, force: true })
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    await rm(sharedDirectory(stateDirectory), { recursive: true, force: true })
  }
}

function privateDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'scripts')
}

/** One for each state folder, because several agents may live on one machine while it is tested. */
function sharedDirectory(stateDirectory: string): string {
  return join(SHARED_ROOT, createHash('sha256').update(stateDirectory).digest('hex').slice(0, 16))
}
