import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { runProgram } from '../run-program.ts'
import { fileFingerprint, type PackageManager, softwareItem, timeOfSeconds } from './manager.ts'

const TIMEOUT_MS = 60_000
const MAX_BYTES = 16_000_000
const FORMAT =
  '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{VENDOR}\\t%{INSTALLTIME}\\t%{LONGSIZE}\\n'

/** sqlite (Fedora 33, RHEL 9), ndb (openSUSE), Berkeley DB (older), at the old and the new place. */
const DATABASES = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'].flatMap((folder) =>
  ['rpmdb.sqlite-wal', 'rpmdb.sqlite', 'Packages.db', 'Packages'].map((name) => `${folder}/${name}`),
)

export function rpm(): PackageManager {
  return {
    source: 'rpm',
    async fingerprint() {
      const found = await Promise.all(DATABASES.map((path) => fileFingerprint([path])))
      return found.some((each) => each !== undefined) ? found.join('\n') : undefined
    },
    async read() {
      const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true }
      const result = await runProgram('rpm', ['-qa', '--qf', FORMAT], options)
      if (result.exitCode !== 0) throw new Error(`rpm -qa failed: ${result.stderr.trim().slice(0, 200)}`)
      if (result.truncated) throw new Error('rpm -qa printed more than is read')
      return parseRpm(result.stdout)
    },
  }
}

export function parseRpm(text: string): SoftwareItem[] {
  return text.split('\n').flatMap((line) => {
    const [name, version, architecture, vendor, installed, size] = line.split('\t')
    // Keys that were imported to check signatures are kept among the packages.
    if (!name || version === undefined || name === 'gpg-pubkey') return []
    return softwareItem({
      source: 'rpm',
      name,
      version,
      architecture: known(architecture),
      publisher: known(vendor),
      installedAt: timeOfSeconds(installed),
      sizeBytes: known(size) === undefined ? undefined : Number(size),
    })
  })
}

function known(value: string | undefined): string | undefined {
  return value === '(none)' ? undefined : value
}
