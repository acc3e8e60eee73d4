import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import { type CommandArgs, MAX_FILE_BYTES, type ResultData } from '@breeze/contract/agent-commands'
import type { Executor } from '../executor.ts'
import { errorCode } from '../platform/error-code.ts'
import { fileAction } from './files/file-action.ts'
import type { PathGuard } from './files/path-guard.ts'
import { FileProblem, identityOf, type Pinned, Place } from './files/place.ts'
import { checkLinks } from './files/hard-links.ts'

const NEW_MODE = 0o600

export function putFile(guard: PathGuard): Executor<'files.put'> {
  return fileAction({
    type: 'files.put',
    async act(args) {
      const data = await put(args, guard)
      return { data, text: `${data.replaced ? 'replaced' : 'wrote'} ${data.path}, ${data.sizeBytes} bytes` }
    },
  })
}

async function put(args: CommandArgs<'files.put'>, guard: PathGuard): Promise<ResultData<'files.put'>> {
  const bytes = decode(args.content)
  const place = await Place.open(args.path)
  let before: Pinned | undefined
  try {
    before = await place.pin()
    await guard.check('write', args.path, place, before)
    if (place.name === '.') throw new FileProblem('The path must name a file')
    if (before) await checkReplaceable(before, place, args.overwrite)
    await write(place, bytes, before, args)
    return {
      path: place.path,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      replaced: before !== undefined,
    }
  } finally {
    await Promise.all([place.close(), before?.close()])
  }
}

/** Strictly: a lenient decoder would quietly write something else. */
function decode(content: string): Buffer {
  const bytes = Buffer.from(content, 'base64')
  if (bytes.toString('base64') !== content) throw new FileProblem('The content is not valid base64')
  if (bytes.length > MAX_FILE_BYTES) throw new FileProblem(`The content has more than ${MAX_FILE_BYTES} bytes`)
  return bytes
}

async function checkReplaceable(before: Pinned, place: Place, overwrite: boolean): Promise<void> {
  const { stats } = before
  if (stats.isDirectory()) throw new FileProblem('It is a folder')
  if (stats.isSymbolicLink()) throw new FileProblem('It is a link; name the file that it leads to')
  if (!stats.isFile()) throw new FileProblem('It is not a regular file')
  if (!overwrite) throw new FileProblem('The file exists already, and overwriting was not asked for')
  await checkLinks(before, place)
}

/** Written beside the target and moved over it, so that nobody ever sees half of it, not even after a crash. */
async function write(
  place: Place,
  bytes: Buffer,
  before: Pinned | undefined,
  { mode }: Pick<CommandArgs<'files.put'>, 'mode'>,
): Promise<void> {
  const temporary = `${place.folderAt}/.breeze-${randomBytes(12).toString('hex')}`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(temporary, flags, NEW_MODE)
  let placed = false
  try {
    await file.writeFile(bytes)
    if (before) await keepOwner(file, before)
    // Never more than the plain bits: set-user-id on new content would be somebody's way to root.
    await file.chmod((mode ?? before?.stats.mode ?? NEW_MODE) & 0o777)
    await file.sync()
    if (before) await rename(temporary, place.at)
    else await placeNew(temporary, place)
    placed = true
    await place.folder.sync()
    const written = identityOf(await file.stat())
    if (identityOf(await lstat(place.at)) !== written)
      throw new FileProblem('Somebody changed the file at the same time')
  } finally {
    await file.close()
    if (!placed) await removeIfPresent(temporary)
  }
}

async function keepOwner(file: FileHandle, { stats: { uid, gid } }: Pinned): Promise<void> {
  const own = await file.stat()
  if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid)
}

/** A link never replaces what has appeared there meanwhile, as a rename would. */
async function placeNew(temporary: string, place: Place): Promise<void> {
  try {
    await link(temporary, place.at)
    await unlink(temporary)
  } catch (error) {
    if (errorCode(error) === 'EEXIST')
      throw new FileProblem('The file exists already, and overwriting was not asked for')
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')) throw error
    // A file system without hard links: the name is claimed first.
    await (await open(place.at, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, NEW_MODE)).close()
    await rename(temporary, place.at)
  }
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}
