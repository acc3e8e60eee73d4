import { realpath, stat, statfs } from 'node:fs/promises'
import { posix } from 'node:path'
import type { LocalPolicy } from '../../local-policy.ts'
import { Refused } from '../action.ts'
import { identityOf, type Pinned, type Place } from './place.ts'
import {
  type Access,
  type Installation,
  KERNEL_FILE_SYSTEMS,
  PROTECTED_PATTERNS,
  protectedPaths,
} from './protected-paths.ts'

export interface PathGuardOptions extends Installation {
  policy: Pick<LocalPolicy, 'denyPaths'>
}

const PROTECTED = 'denied_locally: this path is protected on the device'

/**
 * Judges a place that is already held open, by every name it has: the one that was asked for, the real one, and device
 * and inode of it and of all folders above it, which neither links nor bind mounts change.
 */
export class PathGuard {
  readonly #options: PathGuardOptions

  constructor(options: PathGuardOptions) {
    this.#options = options
  }

  async check(access: Access, asked: string, place: Place, pinned: Pinned | undefined): Promise<void> {
    const names = [posix.normalize(asked), place.path]
    const patterns = PROTECTED_PATTERNS.filter(({ against }) => against.includes(access))
    if (names.some((name) => patterns.some(({ pattern }) => pattern.test(name)))) throw new Refused(PROTECTED)
    const paths = await this.#paths(access)
    const [forms, ancestors] = await Promise.all([Promise.all(paths.map(formsOf)), place.ancestors()])
    const identities = new Set([...ancestors, ...(pinned ? [pinned.identity] : [])])
    for (const { spelled, identity } of forms) {
      if (names.some((name) => spelled.some((path) => isWithin(name, path)))) throw new Refused(PROTECTED)
      if (identity !== undefined && identities.has(identity)) throw new Refused(PROTECTED)
    }
    if (await isKernels(place, pinned)) throw new Refused(PROTECTED)
  }

  async #paths(access: Access): Promise<string[]> {
    const own = protectedPaths(this.#options).filter(({ against }) => against.includes(access))
    return [...own.map(({ path }) => path), ...(await this.#options.policy.denyPaths())]
  }
}

interface Forms {
  /** As written, and as it is when links are resolved. */
  spelled: string[]
  identity: string | undefined
}

async function formsOf(path: string): Promise<Forms> {
  const written = posix.normalize(path).replace(/(?<=.)\/+$/, '')
  try {
    const real = await realpath(written)
    return { spelled: [written, real], identity: identityOf(await stat(real)) }
  } catch {
    // It does not exist, or not even root may look: its name is protected all the same.
    return { spelled: [written], identity: undefined }
  }
}

function isWithin(name: string, path: string): boolean {
  return path === '/' || name === path || name.startsWith(`${path}/`)
}

async function isKernels(place: Place, pinned: Pinned | undefined): Promise<boolean> {
  // The thing itself may be a mount point.
  const itself = pinned && !pinned.stats.isSymbolicLink() ? [pinned.at] : []
  const systems = await Promise.all([place.folderAt, ...itself].map((at) => statfs(at)))
  return systems.some(({ type }) => KERNEL_FILE_SYSTEMS.has(type))
}
