import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readlink, stat } from 'node:fs/promises'

/** open(2): a name for the thing itself, without reading it; opening a device so does nothing to it. */
const O_PATH = 0o10_000_000
const MAX_DEPTH = 200
const MAX_LINKS = 10

/** What went wrong, in words for whoever asked. */
export class FileProblem extends Error {
  override name = 'FileProblem'
}

/**
 * A name in a folder that is held open. Everything is done through `at`, which the kernel resolves from the open folder:
 * whoever swaps a folder on the way for a link meanwhile changes nothing any more.
 */
export class Place {
  readonly folder: FileHandle
  /** Where the folder really is, links and `..` resolved. */
  readonly folderPath: string
  /** `.` for the folder itself. */
  readonly name: string

  private constructor(folder: FileHandle, folderPath: string, name: string) {
    this.folder = folder
    this.folderPath = folderPath
    this.name = name
  }

  static async open(path: string): Promise<Place> {
    if (!path.startsWith('/') || path.includes('\0')) throw new FileProblem('The path must be absolute')
    const trimmed = path.replace(/\/+$/, '')
    const name = trimmed.slice(trimmed.lastIndexOf('/') + 1)
    const itself = name === '' || name === '.' || name === '..'
    const parent = itself ? path : trimmed.slice(0, trimmed.lastIndexOf('/')) || '/'
    const folder = await open(parent, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      // A removed folder's name says nothing.
      if ((await folder.stat()).nlink === 0) throw new FileProblem('The folder has just been removed')
      return new Place(folder, await readlink(fdPath(folder)), itself ? '.' : name)
    } catch (error) {
      await folder.close()
      throw error
    }
  }

  get folderAt(): string {
    return fdPath(this.folder)
  }

  get at(): string {
    return `${this.folderAt}/${this.name}`
  }

  get path(): string {
    if (this.name === '.') return this.folderPath
    return this.folderPath === '/' ? `/${this.name}` : `${this.folderPath}/${this.name}`
  }

  /** The thing of that name as it is now, a link itself and not what it leads to; undefined when there is none. */
  async pin(): Promise<Pinned | undefined> {
    let handle: FileHandle
    try {
      handle = await open(this.at, O_PATH | constants.O_NOFOLLOW)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
    try {
      return new Pinned(handle, await handle.stat())
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Device and inode of the folder and of all above it. */
  async ancestors(): Promise<string[]> {
    const identities: string[] = []
    for (let path = this.folderAt; identities.length < MAX_DEPTH; path += '/..') {
      const identity = identityOf(await stat(path))
      if (identities.at(-1) === identity) return identities
      identities.push(identity)
    }
    throw new FileProblem('The folder lies too deep')
  }

  async close(): Promise<void> {
    await this.folder.close()
  }
}

/** One file, folder or link, held whatever becomes of its name. */
export class Pinned {
  readonly #handle: FileHandle
  readonly stats: Stats

  constructor(handle: FileHandle, stats: Stats) {
    this.#handle = handle
    this.stats = stats
  }

  /** Leads to this very thing. */
  get at(): string {
    return fdPath(this.#handle)
  }

  get identity(): string {
    return identityOf(this.stats)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Follows links at the end of a path; `check` judges each step before it is taken. Both are the caller's to close. */
export async function follow(
  path: string,
  check: (asked: string, place: Place, pinned: Pinned | undefined) => Promise<void>,
): Promise<{ place: Place; pinned: Pinned }> {
  let asked = path
  for (let links = 0; links < MAX_LINKS; links++) {
    const place = await Place.open(asked)
    let pinned: Pinned | undefined
    let done = false
    try {
      pinned = await place.pin()
      // Judged first: whether something protected exists is nobody's business either.
      await check(asked, place, pinned)
      if (!pinned) throw new FileProblem('There is no such file or folder')
      done = !pinned.stats.isSymbolicLink()
      if (done) return { place, pinned }
      const target = await readlink(place.at)
      asked = target.startsWith('/') ? target : `${place.folderPath}/${target}`
    } finally {
      if (!done) await Promise.all([place.close(), pinned?.close()])
    }
  }
  throw new FileProblem('Too many links')
}

export function identityOf({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}

function fdPath({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`
}
