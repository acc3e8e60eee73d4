import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import { clip } from '../collectors/section.ts'
import type { Executor } from '../executor.ts'
import { errorCode } from '../platform/error-code.ts'
import { userNames } from '../platform/linux/find-account.ts'
import { fileAction } from './files/file-action.ts'
import type { PathGuard } from './files/path-guard.ts'
import { FileProblem, follow } from './files/place.ts'

/** Of the folder itself: beyond it, reading all the names would take more memory than the agent has for this. */
const MAX_FOLDER_BYTES = 32 * 1024 * 1024

type Entry = ResultData<'files.list'>['entries'][number]

export function listFiles(guard: PathGuard): Executor<'files.list'> {
  return fileAction({
    type: 'files.list',
    async act(args) {
      const data = await list(args, guard)
      return { data, text: `${data.entries.length} of ${data.total} entries of ${data.path}` }
    },
  })
}

async function list({ path, limit }: CommandArgs<'files.list'>, guard: PathGuard): Promise<ResultData<'files.list'>> {
  const { place, pinned } = await follow(path, (...step) => guard.check('read', ...step))
  try {
    if (!pinned.stats.isDirectory()) throw new FileProblem('It is not a folder')
    if (pinned.stats.size > MAX_FOLDER_BYTES) throw new FileProblem('The folder holds too many entries')
    // As bytes, because a name need not be text.
    const names = (await readdir(pinned.at, { encoding: 'buffer' })).sort(Buffer.compare)
    const owners = await userNames()
    const shown = await Promise.all(names.slice(0, limit).map((name) => describe(pinned.at, name, owners)))
    return { path: place.path, entries: shown.filter((entry) => entry !== undefined), total: names.length }
  } finally {
    await Promise.all([place.close(), pinned.close()])
  }
}

async function describe(folder: string, name: Buffer, owners: ReadonlyMap<number, string>): Promise<Entry | undefined> {
  try {
    const stats = await lstat(Buffer.concat([Buffer.from(`${folder}/`), name]))
    return {
      name: clip(name.toString('utf8'), 500),
      kind: kindOf(stats),
      sizeBytes: stats.size,
      modifiedAt: timeOf(stats.mtime),
      mode: modeText(stats),
      owner: clip(owners.get(stats.uid) ?? String(stats.uid), 128),
    }
  } catch (error) {
    // Removed between the two looks.
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function kindOf(stats: Stats): Entry['kind'] {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'folder'
  return stats.isSymbolicLink() ? 'link' : 'other'
}

/** A broken clock or file system gives years that ISO 8601 has no plain form for. */
function timeOf(time: Date): string | null {
  const year = time.getUTCFullYear()
  return year >= 0 && year <= 9999 ? time.toISOString() : null
}

/** As `ls -l` writes it. */
export function modeText({ mode }: Pick<Stats, 'mode'>): string {
  const type = TYPES.get(mode & 0o170_000) ?? '?'
  const bits = [...'rwxrwxrwx'].map((letter, n) => ((mode & (0o400 >> n)) === 0 ? '-' : letter))
  for (const [bit, at, letter] of SPECIAL) {
    if ((mode & bit) !== 0) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase()
  }
  return type + bits.join('')
}

const TYPES = new Map([
  [0o100_000, '-'],
  [0o040_000, 'd'],
  [0o120_000, 'l'],
  [0o010_000, 'p'],
  [0o140_000, 's'],
  [0o020_000, 'c'],
  [0o060_000, 'b'],
])
const SPECIAL: readonly [number, number, string][] = [
  [0o4000, 2, 's'],
  [0o2000, 5, 's'],
  [0o1000, 8, 't'],
]
