import { readdir, stat } from 'node:fs/promises'
import { errorCode } from '../../platform/error-code.ts'
import { readTextIfPresent } from '../../platform/linux.ts'
import { runProgram } from '../../platform/run-program.ts'
import { disks } from '../disks.ts'
import { clip } from '../section.ts'
import type { FindingData, FindingReader } from './finding.ts'

type Volume = FindingData<'diskEncryption'>[number]
type Disk = Pick<Awaited<ReturnType<typeof disks.collect>>[number], 'mount' | 'device' | 'filesystem'>

const MAX_DEPTH = 16

/**
 * From each volume down through the device mapper to the disks. What the kernel does not see is not seen here: a drive
 * that encrypts itself, a hypervisor that encrypts the virtual disk, single folders encrypted within a file system.
 */
export const linuxDiskEncryption = (root = '', volumes = () => disks.collect()): FindingReader<'diskEncryption'> => ({
  source: '/sys/dev/block: dm/uuid, slaves',
  async read(tell) {
    const found: Volume[] = []
    const unknown: string[] = []
    for (const disk of await volumes()) {
      const method = await methodOf(disk, root)
      if (method === 'unknown') unknown.push(disk.mount)
      else found.push({ mount: disk.mount, encrypted: method !== null, method: method && clip(method, 60) })
    }
    if (unknown.length > 0) tell({ detail: `not known to be on a disk of this system: ${unknown.join(', ')}` })
    return found
  },
})

/** Null where nothing between the volume and its disks encrypts. */
async function methodOf(disk: Disk, root: string): Promise<string | null> {
  if (disk.filesystem === 'zfs') return await zfsMethod(disk.device)
  const number = await deviceNumber(disk)
  if (number === undefined) return 'unknown'
  const base = `${root}/sys/dev/block/${number}`
  if ((await readTextIfPresent(`${base}/dev`)) === undefined) return 'unknown'
  return await methodBelow(base, MAX_DEPTH)
}

async function methodBelow(block: string, depth: number): Promise<string | null> {
  const uuid = (await readTextIfPresent(`${block}/dm/uuid`)) ?? ''
  // CRYPT-VERITY and CRYPT-INTEGRITY protect against changes and hide nothing.
  const kind = /^CRYPT-(LUKS\d?|PLAIN|BITLK|TCRYPT|LOOPAES|FVAULT2)-/.exec(uuid)?.[1]
  if (kind !== undefined) return kind.toLowerCase()
  const backing = await readTextIfPresent(`${block}/loop/backing_file`)
  if (backing !== undefined) return 'unknown'
  const slaves = depth > 0 ? await listSlaves(`${block}/slaves`) : []
  const methods = await Promise.all(slaves.map((name) => methodBelow(`${block}/slaves/${name}`, depth - 1)))
  // A volume over several disks is as open as the most open of them.
  return methods.includes(null) ? null : (methods[0] ?? null)
}

async function listSlaves(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    // A partition has no such folder.
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}

/** btrfs and overlay have numbers of their own, which name no block device; then the mount's source may be one. */
async function deviceNumber({ mount, device }: Disk): Promise<string | undefined> {
  const own = split((await stat(mount)).dev)
  if (!own.startsWith('0:')) return own
  if (!device.startsWith('/dev/')) return undefined
  try {
    const { rdev } = await stat(device)
    return rdev === 0 ? undefined : split(rdev)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** gnu_dev_major(3) and gnu_dev_minor(3), for numbers of 32 bits. */
function split(number: number): string {
  return `${(number >>> 8) & 0xfff}:${(number & 0xff) | ((number >>> 12) & 0xfff00)}`
}

async function zfsMethod(dataset: string): Promise<string | null> {
  // A data set's name begins with its pool's, which begins with a letter: never an option.
  const { stdout, exitCode } = await runProgram('zfs', ['get', '-H', '-o', 'value', 'encryption', dataset], {
    timeoutMs: 4000,
  })
  if (exitCode !== 0) return 'unknown'
  const value = stdout.trim()
  return value === 'off' || value === '-' ? null : `zfs ${value}`
}
