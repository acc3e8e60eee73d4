import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { eachBounded } from '../each-bounded.ts'
import { modifiedAt } from '../files.ts'
import { fileFingerprint, type PackageManager, personName, softwareItem } from './manager.ts'

const AT_ONCE = 8

export function dpkg(folder = '/var/lib/dpkg'): PackageManager {
  const status = join(folder, 'status')
  return {
    source: 'dpkg',
    fingerprint: () => fileFingerprint([status]),
    async read() {
      const found = parseDpkgStatus(await readFile(status, 'utf8'))
      return await eachBounded(found, AT_ONCE, (entry) => dated(entry, join(folder, 'info')))
    },
  }
}

interface Entry {
  item: SoftwareItem
  /** Whose file list names the package with its architecture. */
  sameOnEveryArchitecture: boolean
}

/** dpkg writes a package's file list when it installs or upgrades it. */
async function dated({ item, sameOnEveryArchitecture }: Entry, info: string): Promise<SoftwareItem> {
  const list = sameOnEveryArchitecture ? `${item.name}:${item.architecture}.list` : `${item.name}.list`
  const installed = await modifiedAt(join(info, list))
  return installed ? { ...item, installedAt: installed.toISOString() } : item
}

/** deb822 stanzas. Held packages are installed too, removed ones of which the configuration is left are not. */
export function parseDpkgStatus(text: string): Entry[] {
  const entries: Entry[] = []
  for (const stanza of text.split(/\n\n+/)) {
    const fields = new Map<string, string>()
    for (const line of stanza.split('\n')) {
      const at = line.indexOf(': ')
      if (at > 0 && line[0] !== ' ') fields.set(line.slice(0, at), line.slice(at + 2))
    }
    const name = fields.get('Package')
    const version = fields.get('Version')
    if (name === undefined || version === undefined || !/^\S+ \S+ installed$/.test(fields.get('Status') ?? '')) continue
    const kilobytes = fields.get('Installed-Size')
    const item = softwareItem({
      source: 'dpkg',
      name,
      version,
      architecture: fields.get('Architecture'),
      ...sourceOf(fields.get('Source'), name, version),
      publisher: personName(fields.get('Maintainer')),
      sizeBytes: kilobytes === undefined ? undefined : Number(kilobytes) * 1024,
    })
    entries.push({ item, sameOnEveryArchitecture: fields.get('Multi-Arch') === 'same' })
  }
  return entries
}

/** `Source: name` or `Source: name (version)`, where either differs from the package's own. */
function sourceOf(field: string | undefined, name: string, version: string) {
  const [, source, sourceVersion] = /^(\S+)(?: \((\S+)\))?$/.exec(field ?? '') ?? []
  return {
    ...(source !== undefined && source !== name && { sourcePackage: source }),
    ...(sourceVersion !== undefined && sourceVersion !== version && { sourceVersion }),
  }
}
