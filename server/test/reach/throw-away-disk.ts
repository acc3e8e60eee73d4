/** A small disk of our own, on a file: one that a test may fill without harm, and that goes whatever becomes of the test. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Only root may mount one. */
export const mayMount = process.getuid?.() === 0 && existsSync('/dev/loop-control')

export interface ThrowAwayDisk {
  mount: string
  /** As `df` says it. */
  usedPercent(): number
  fill(): void
  free(): void
  remove(): void
}

const PREFIX = 'breeze-disk-'
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' })
const mountOf = (folder: string): string => join(folder, 'mounted')

function removeDisk(folder: string): void {
  if (existsSync(join(mountOf(folder), 'lost+found'))) run('umount', mountOf(folder))
  rmSync(folder, { recursive: true, force: true })
}

/** What a test left whose process was killed. */
function removeLeftOvers(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : ''
    if (/^\d+$/.test(owner) && !existsSync(`/proc/${owner}`)) removeDisk(join(tmpdir(), name))
  }
}

export function mountDisk(): ThrowAwayDisk {
  removeLeftOvers()
  const folder = join(tmpdir(), `${PREFIX}${process.pid}`)
  const [image, mount] = [join(folder, 'image'), mountOf(folder)]
  // A test that never comes to its end must not leave a disk behind.
  process.once('exit', () => removeDisk(folder))
  mkdirSync(mount, { recursive: true })
  run('truncate', '--size=16M', image)
  run('mkfs.ext4', '-q', image)
  run('mount', '-o', 'loop', image, mount)
  const ballast = join(mount, 'ballast')
  return {
    mount,
    usedPercent: () => Number(/(\d+)%/.exec(run('df', '--output=pcent', mount))?.[1]),
    // At once, so that no sample is taken of half of it.
    fill: () => void run('fallocate', '--length=12M', ballast),
    free: () => rmSync(ballast),
    remove: () => removeDisk(folder),
  }
}
