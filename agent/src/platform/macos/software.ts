import { join } from 'node:path'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { fileFingerprint, type PackageManager, softwareItem } from '../packages/manager.ts'
import { runProgram } from '../run-program.ts'
import { filesOf } from '../files.ts'

const TIMEOUT_MS = 110_000
const MAX_BYTES = 32_000_000

export const applications: PackageManager = {
  source: 'applications',
  async fingerprint() {
    const found = ['/Applications', '/Applications/Utilities', '/System/Applications'].map((path) =>
      fileFingerprint([path]),
    )
    return (await Promise.all(found)).join('\n')
  },
  async read() {
    const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true }
    const result = await runProgram('system_profiler', ['SPApplicationsDataType', '-json'], options)
    if (result.exitCode !== 0 || result.truncated) throw new Error('system_profiler listed no applications')
    return parseApplications(JSON.parse(result.stdout))
  },
}

const answer = z.object({
  SPApplicationsDataType: z.array(
    z.object({
      _name: z.string(),
      version: z.string().optional(),
      arch_kind: z.string().optional(),
      signed_by: z.array(z.string()).optional(),
      lastModified: z.string().optional(),
    }),
  ),
})

const ARCHITECTURES: Readonly<Record<string, string>> = {
  arch_arm: 'arm64',
  arch_i64: 'x64',
  arch_i32: 'x86',
  arch_arm_i64: 'universal',
  arch_i32_i64: 'universal',
}

export function parseApplications(value: unknown): SoftwareItem[] {
  return answer.parse(value).SPApplicationsDataType.map(({ _name: name, ...found }) => {
    const modified = Date.parse(found.lastModified ?? '')
    return softwareItem({
      source: 'applications',
      name,
      version: found.version ?? '',
      architecture: ARCHITECTURES[found.arch_kind ?? ''],
      // Developer ID Application: Example GmbH (ABCDE12345)
      publisher: found.signed_by?.[0]?.replace(/^Developer ID Application: /, '').replace(/ \([A-Z0-9]{10}\)$/, ''),
      installedAt: Number.isNaN(modified) ? undefined : new Date(modified).toISOString(),
    })
  })
}

const PREFIXES = ['/opt/homebrew', '/usr/local']

/** What `brew list --versions` prints is the names of these folders; brew itself refuses to run as root. */
export function homebrew(prefixes: readonly string[] = PREFIXES): PackageManager {
  const read = async () => (await Promise.all(prefixes.flatMap(kegs).map(readKegs))).flat()
  return {
    source: 'homebrew',
    async fingerprint() {
      const found = await read()
      return found.length === 0 ? undefined : found.map(({ name, version }) => `${name} ${version}`).join('\n')
    },
    read,
  }
}

function kegs(prefix: string): string[] {
  return [join(prefix, 'Cellar'), join(prefix, 'Caskroom')]
}

async function readKegs(folder: string): Promise<SoftwareItem[]> {
  const items: SoftwareItem[] = []
  for (const name of await visible(folder)) {
    for (const version of await visible(join(folder, name))) {
      items.push(softwareItem({ source: 'homebrew', name, version }))
    }
  }
  return items
}

async function visible(folder: string): Promise<string[]> {
  return (await filesOf(folder)).filter((name) => !name.startsWith('.')).sort()
}
