import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { isSea } from 'node:sea'
import { isMissing } from '../identity-store.ts'

/** How a build beside this program is run: by the single file within itself, by Node.js otherwise. */
export function bundleCommand(path: string, argv: readonly string[]): [string, ...string[]] {
  if (isSea()) return [process.execPath, 'launch', path, ...argv]
  return [process.execPath, ...process.execArgv, path, ...argv]
}

/** `launch FILE ARGUMENTS…`: this process becomes that build. */
export function launchCommand([path = '', ...argv]: readonly string[]): void {
  process.argv = [process.execPath, path, ...argv]
  createRequire(path)(path)
}

/** False also for a file that is not there. */
export async function isIntact(path: string, sha256: string): Promise<boolean> {
  try {
    return (
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex') === sha256
    )
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
