import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { eachBounded } from '../each-bounded.ts'
import { readTextIfPresent } from '../linux.ts'
import { fileFingerprint, type PackageManager, personName, softwareItem, timeOfSeconds } from './manager.ts'

const AT_ONCE = 8

/** One folder per package and version, so the folder around them changes with every transaction. */
export function pacman(folder = '/var/lib/pacman/local'): PackageManager {
  return {
    source: 'pacman',
    fingerprint: () => fileFingerprint([folder]),
    async read() {
      const texts = await eachBounded(await readdir(folder), AT_ONCE, (name) =>
        readTextIfPresent(join(folder, name, 'desc')),
      )
      return texts.flatMap((text) => (text === undefined ? [] : parsePacmanDesc(text)))
    },
  }
}

/** `%KEY%` on a line, its values on the lines up to an empty one. */
export function parsePacmanDesc(text: string): SoftwareItem[] {
  const fields = new Map<string, string>()
  for (const [, key, value] of text.matchAll(/^%([A-Z0-9]+)%\n(.+)$/gm)) {
    if (key !== undefined && value !== undefined) fields.set(key, value)
  }
  const name = fields.get('NAME')
  const version = fields.get('VERSION')
  if (name === undefined || version === undefined) return []
  const size = fields.get('SIZE')
  const item = softwareItem({
    source: 'pacman',
    name,
    version,
    architecture: fields.get('ARCH'),
    publisher: personName(fields.get('PACKAGER')),
    installedAt: timeOfSeconds(fields.get('INSTALLDATE')),
    sizeBytes: size === undefined ? undefined : Number(size),
  })
  return [item]
}
