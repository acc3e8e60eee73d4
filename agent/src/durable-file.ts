import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Replaces a file so that after a crash either the old or the new content is there in full. `beforeRename` is where
 * tests cut the power.
 */
export async function replaceFile(path: string, content: string | Buffer, beforeRename?: () => void): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  beforeRename?.()
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** A rename is durable only when its folder is. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  let folder: FileHandle | undefined
  try {
    folder = await open(path, 'r')
    await folder.sync()
  } finally {
    await folder?.close()
  }
}
