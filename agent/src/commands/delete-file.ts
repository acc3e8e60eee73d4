import { rmdir, unlink } from 'node:fs/promises'
import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { fileAction } from './files/file-action.ts'
import { checkLinks } from './files/hard-links.ts'
import type { PathGuard } from './files/path-guard.ts'
import { FileProblem, type Pinned, Place } from './files/place.ts'

/** One file, link or empty folder; never what is below a folder. */
export function deleteFile(guard: PathGuard): Executor<'files.delete'> {
  return fileAction({
    type: 'files.delete',
    async act(args) {
      const data = await remove(args, guard)
      return { data, text: `deleted ${data.path}, which had ${data.sizeBytes} bytes` }
    },
  })
}

async function remove({ path }: CommandArgs<'files.delete'>, guard: PathGuard): Promise<ResultData<'files.delete'>> {
  const place = await Place.open(path)
  let pinned: Pinned | undefined
  try {
    pinned = await place.pin()
    await guard.check('write', path, place, pinned)
    if (!pinned) throw new FileProblem('There is no such file or folder')
    if (place.name === '.') throw new FileProblem('The path must end in the name of what is to be deleted')
    await checkLinks(pinned, place)
    const { stats } = pinned
    if (stats.isDirectory()) await rmdir(place.at)
    else if (stats.isFile() || stats.isSymbolicLink()) await unlink(place.at)
    else throw new FileProblem('It is neither a file nor an empty folder')
    await place.folder.sync()
    const after = await place.pin()
    await after?.close()
    if (after) throw new FileProblem('It is there again: somebody made it anew at the same time')
    return { path: place.path, sizeBytes: stats.isDirectory() ? 0 : stats.size }
  } finally {
    await Promise.all([place.close(), pinned?.close()])
  }
}
