/** Files of the data folder that are neither keys nor the database: who this node is, and the operator's way in. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'

export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

/** Makes the folder, and finds out now whether it can be written, not in the middle of something. */
export async function openDataFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir)
    await writeFile(join(dataDir, '.writable'), '')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new DataFolderError(`BREEZE_DATA_DIR: the folder ${dataDir} can't be written (${code})`, { cause: error })
  }
}

/** One level at a time: where a parent refuses without a reason, Node's own recursion never ends (a folder under /proc). */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    if (code !== 'ENOENT' || dirname(path) === path || existsSync(dirname(path))) throw error
    await makeFolder(dirname(path))
    await mkdir(path)
  }
}

const nodeFile = z.object({ id: z.uuid() })

/** This node's id names its audit chain; it stays with the data folder. */
export async function nodeId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'node.json')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text !== null) {
    const parsed = nodeFile.safeParse(readJson(text))
    if (!parsed.success) throw new DataFolderError(`${file} is not what this program wrote; restore it from a backup`)
    return parsed.data.id
  }
  const id = randomUUID()
  await writePrivate(file, `${JSON.stringify({ id })}\n`)
  return id
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON is one more shape that the schema refuses.
    return undefined
  }
}

/** Where the CLI on this machine finds the server, and the token with which it acts as the first Partner Admin. */
export async function writeOperatorFiles(dataDir: string, url: string, token: string): Promise<void> {
  await writePrivate(join(dataDir, 'operator.token'), `${token}\n`)
  await writePrivate(join(dataDir, 'server.json'), `${JSON.stringify({ url, pid: process.pid })}\n`)
}

/** Never readable by others, not even for an instant, and never half written. */
async function writePrivate(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, text, { mode: 0o600 })
  await chmod(temporary, 0o600)
  await rename(temporary, file)
}
