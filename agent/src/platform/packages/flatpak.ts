import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { runProgram } from '../run-program.ts'
import { fileFingerprint, type PackageManager, softwareItem } from './manager.ts'

const TIMEOUT_MS = 30_000
const MAX_BYTES = 4_000_000

/** The system's installation; each user may have one more, which is theirs. */
export function flatpak(folder = '/var/lib/flatpak'): PackageManager {
  return {
    source: 'flatpak',
    async fingerprint() {
      // Touched by flatpak after every change; absent before the first.
      const changed = await fileFingerprint([`${folder}/.changed`])
      return changed ?? (await fileFingerprint([`${folder}/repo`]))
    },
    async read() {
      const args = ['list', '--system', '--columns=application,version,branch,arch']
      const result = await runProgram('flatpak', args, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true })
      if (result.exitCode !== 0) throw new Error(`flatpak list failed: ${result.stderr.trim().slice(0, 200)}`)
      return parseFlatpak(result.stdout)
    },
  }
}

/** Runtimes have a branch instead of a version. */
export function parseFlatpak(text: string): SoftwareItem[] {
  return text.split('\n').flatMap((line) => {
    const [name, version, branch = '', architecture] = line.split('\t').map((field) => field.trim())
    if (!name || version === undefined) return []
    return softwareItem({ source: 'flatpak', name, version: version || branch, architecture })
  })
}
