import { runProgram } from '../run-program.ts'
import { exists, filesOf, modifiedAt } from '../files.ts'
import { lastLine, latest, MOST_UPDATES, type PendingUpdate, pendingUpdate, type UpdateManager } from './manager.ts'

const TIMEOUT_MS = 120_000
const MAX_BYTES = 8_000_000
const LISTS = '/var/lib/apt/lists'
const STAMP = '/var/lib/apt/periodic/update-success-stamp'

/** Which system's apt: the machine's own, or in tests one in a folder, which the environment's APT_CONFIG describes. */
export interface AptPlace {
  root: string
  environment: Record<string, string>
}
export const HOST: AptPlace = { root: '', environment: {} }

/** A simulated upgrade over the lists as they are: it fetches nothing, locks nothing and counts what is held too. */
const ARGUMENTS = [
  '--simulate',
  '--ignore-hold',
  '-o',
  'Debug::NoLocking=1',
  '-o',
  'APT::Get::Show-User-Simulation-Note=0',
  '-o',
  'APT::Get::Always-Include-Phased-Updates=1',
  'dist-upgrade',
]

export const aptUpdates = ({ root, environment }: AptPlace): UpdateManager => ({
  manager: 'apt',
  present: async () => (await exists(`${root}/var/lib/dpkg/status`)) && (await exists('/usr/bin/apt-get')),
  async read() {
    const lists = await filesOf(root + LISTS)
    if (!lists.some((name) => /_Packages(\.\w+)?$/.test(name))) throw new Error('The package lists were never fetched')
    const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true, environment }
    const result = await runProgram('apt-get', ARGUMENTS, options)
    if (result.exitCode !== 0) throw new Error(`apt-get failed: ${lastLine(result.stderr)}`)
    return {
      manager: 'apt',
      listsUpdatedAt: latest([await modifiedAt(root + LISTS), await modifiedAt(root + STAMP)]),
      updates: parseAptSimulation(result.stdout).slice(0, MOST_UPDATES),
    }
  },
})

export const apt = aptUpdates(HOST)

/** `Inst name [installed] (available origin, origin [architecture])`. What has no installed version would be new. */
export function parseAptSimulation(text: string): PendingUpdate[] {
  const pattern = /^Inst (\S+) \[([^\]]+)\] \((\S+) (?:(.*?) )?\[([^\]]+)\]\)/gm
  return [...text.matchAll(pattern)].map(([, name = '', installed = '', available = '', origins, architecture = '']) =>
    pendingUpdate({
      // A package of another architecture than the system's carries it in its name.
      name: name.replace(/:[a-z0-9-]+$/, ''),
      installed,
      available,
      architecture,
      origin: origins ?? null,
      security: origins === undefined ? null : isSecurity(origins),
    }),
  )
}

/** Debian-Security:12/stable-security, Ubuntu:24.04/noble-security, UbuntuESM:20.04/focal-infra-security. */
function isSecurity(origins: string): boolean {
  return origins.split(', ').some((origin) => /security/i.test(origin))
}
