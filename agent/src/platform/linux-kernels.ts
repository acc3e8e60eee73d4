import { readdirSync } from 'node:fs'

/** The versions of the kernels that are installed, from the names of their images in /boot. */
export function installedKernels(names: readonly string[]): string[] {
  // vmlinuz-6.1.0-35-amd64, vmlinux-…; rescue images are no kernels one boots into.
  return names
    .map((name) => /^vmlinu[xz]-(\d.*)$/.exec(name)?.[1])
    .filter((version) => version !== undefined)
    .filter((version) => !/\.(old|bak|efi\.signed)$|rescue/.test(version))
}

/**
 * The newest installed kernel when it is newer than the running one; `current` when the running one is the newest, and
 * undefined when nothing of the running one's kind is installed here (a container, a kernel from elsewhere).
 */
export function newerKernel(running: string, installed: readonly string[]): 'current' | { newest: string } | undefined {
  const kind = flavour(running)
  const same = installed.filter((version) => flavour(version) === kind)
  // A kernel that is not among the installed ones was not booted from this /boot.
  if (!same.includes(running)) return undefined
  const newest = same.reduce((best, version) => (compareVersions(version, best) > 0 ? version : best), running)
  return newest === running ? 'current' : { newest }
}

/** Kernels of several kinds may be installed side by side: `amd64` and `cloud-amd64` are not each other's updates. */
function flavour(version: string): string {
  return /[a-z][a-z0-9_-]*$/i.exec(version.replace(/^[\d.+~-]+/, ''))?.[0] ?? ''
}

/** Runs of digits as numbers, of letters as text; punctuation only separates. */
export function compareVersions(a: string, b: string): number {
  const left = a.match(/\d+|[a-z]+/gi) ?? []
  const right = b.match(/\d+|[a-z]+/gi) ?? []
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = comparePart(left[at], right[at])
    if (order !== 0) return order
  }
  return 0
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined) return -1
  if (b === undefined) return 1
  const [first, second] = [Number(a), Number(b)]
  if (!Number.isNaN(first) && !Number.isNaN(second)) return first - second
  // A number is newer than a letter: 6.1.1 comes after 6.1.rc1.
  if (Number.isNaN(first) !== Number.isNaN(second)) return Number.isNaN(first) ? -1 : 1
  return a < b ? -1 : 1
}

export function bootNames(folder = '/boot'): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Without a readable /boot there is nothing to compare with, which is what an empty one says too.
    return []
  }
}
