import { statfs } from 'node:fs/promises'
import { readText } from '../platform/linux.ts'
import { clip, type Collector } from './section.ts'

const MAX_DISKS = 256

/** Without a block device of its own in /proc/filesystems, and yet a disk. */
const ALSO_REAL = new Set(['zfs', 'bcachefs'])
/** Images: always full, and nobody can free anything on them. */
const IMAGES = new Set(['squashfs', 'erofs', 'iso9660', 'udf', 'cramfs', 'romfs'])

interface Mount {
  /** major:minor; mounts with the same one are the same filesystem (bind mounts). */
  deviceNumber: string
  mount: string
  filesystem: string
  device: string
}

/**
 * The device's own filesystems. Left out: pseudo filesystems, images, and network filesystems, which are another
 * machine's disks and can block a read for ever. In a container the root is an overlay and counts.
 */
export const disks: Collector<'disks'> = {
  name: 'disks',
  source: '/proc/self/mountinfo, statfs(2)',
  platforms: ['linux'],
  async collect() {
    const real = realFilesystems(await readText('/proc/filesystems'))
    const mounts = selectMounts(parseMountinfo(await readText('/proc/self/mountinfo')), real)
    const all = await Promise.all(mounts.slice(0, MAX_DISKS).map(measure))
    // An unmounted autofs or a special mount has no blocks; `df` leaves it out too.
    return all.filter((disk) => disk.totalBytes > 0)
  },
  stable: (data) =>
    data.map(({ mount, device, filesystem, totalBytes, usedPercent }) => [
      mount,
      device,
      filesystem,
      totalBytes,
      usedPercent,
    ]),
}

async function measure({ mount, device, filesystem }: Mount) {
  const { bsize, blocks, bfree, bavail } = await statfs(mount)
  const used = blocks - bfree
  return {
    mount: clip(mount, 500),
    device: clip(device, 500),
    filesystem: clip(filesystem, 60),
    totalBytes: blocks * bsize,
    usedBytes: used * bsize,
    availableBytes: bavail * bsize,
    usedPercent: usedPercent(used, bavail),
  }
}

/** As `df`: of what a user could use, rounded up. Blocks reserved for root count neither as used nor as available. */
export function usedPercent(used: number, available: number): number {
  return used + available === 0 ? 0 : Math.ceil((used * 100) / (used + available))
}

/** proc_pid_mountinfo(5): id parent major:minor root mount options optional… - type source options. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [, , deviceNumber, , mount] = left.split(' ')
    const [filesystem, device] = right.split(' ')
    if (deviceNumber === undefined || mount === undefined || filesystem === undefined || device === undefined) continue
    mounts.push({ deviceNumber, mount: unescape(mount), filesystem, device: unescape(device) })
  }
  return mounts
}

/** The last mount on a path hides the earlier ones; of several paths to one filesystem the shortest stands for it. */
export function selectMounts(mounts: readonly Mount[], real: ReadonlySet<string>): Mount[] {
  const visible = new Map(mounts.map((mount) => [mount.mount, mount]))
  const chosen = new Map<string, Mount>()
  for (const mount of visible.values()) {
    const isRoot = mount.mount === '/' && mount.filesystem === 'overlay'
    if (!isRoot && !real.has(mount.filesystem)) continue
    const other = chosen.get(mount.deviceNumber)
    if (!other || mount.mount.length < other.mount.length) chosen.set(mount.deviceNumber, mount)
  }
  return [...chosen.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1))
}

function realFilesystems(text: string): Set<string> {
  const real = new Set(ALSO_REAL)
  for (const line of text.split('\n')) {
    const name = line.trim()
    if (!line.startsWith('nodev') && name !== '' && !IMAGES.has(name)) real.add(name)
  }
  return real
}

/** Space, tab, line feed and backslash come as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
