import { Unsupported } from '../../collectors/section.ts'
import { rpm } from '../packages/rpm.ts'
import { type ProgramResult, runProgram } from '../run-program.ts'
import { exists, filesOf, modifiedAt } from '../files.ts'
import { lastLine, latest, MOST_UPDATES, type PendingUpdate, pendingUpdate, type UpdateManager } from './manager.ts'

const TIMEOUT_MS = 150_000
const MAX_BYTES = 8_000_000
const CACHES = ['/var/cache/libdnf5', '/var/cache/dnf', '/var/cache/yum']
/** `check-update` ends so when there are updates. */
const THERE_ARE_UPDATES = 100

export const dnf: UpdateManager = {
  manager: 'dnf',
  present: async () => (await exists('/usr/bin/dnf')) || (await exists('/usr/bin/yum')),
  async read() {
    const check = await dnfOrYum(['check-update'])
    if (check.exitCode !== 0 && check.exitCode !== THERE_ARE_UPDATES) {
      throw new Error(`dnf check-update failed: ${lastLine(check.stderr)}`)
    }
    const advisories = await dnfOrYum(['updateinfo', 'list', '--updates', '--security'])
    const security = advisories.exitCode === 0 ? parseAdvisories(advisories.stdout) : undefined
    const installed = new Map((await rpm().read()).map((item) => [`${item.name}.${item.architecture}`, item.version]))
    return {
      manager: 'dnf',
      listsUpdatedAt: await metadataTime(),
      updates: parseCheckUpdate(check.stdout)
        .slice(0, MOST_UPDATES)
        .map((found) => complete(found, installed, security)),
    }
  },
}

async function dnfOrYum(args: readonly string[]): Promise<ProgramResult> {
  const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true }
  try {
    return await runProgram('dnf', ['-q', ...args], options)
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
    return await runProgram('yum', ['-q', ...args], options)
  }
}

export interface AvailableRpm {
  name: string
  architecture: string
  version: string
  repository: string
}

/** `name.architecture version repository`, broken after a long name or version; then what would be obsoleted. */
export function parseCheckUpdate(text: string): AvailableRpm[] {
  const found: AvailableRpm[] = []
  let row: string[] = []
  for (const line of text.split('\n')) {
    if (/^Obsoleting /i.test(line)) break
    row = /^\s/.test(line) ? [...row, ...line.trim().split(/\s+/)] : line.trim().split(/\s+/)
    const [full = '', version = '', repository] = row
    const [, name, architecture] = /^(.+)\.([a-z0-9_]+)$/.exec(full) ?? []
    if (row.length !== 3 || name === undefined || architecture === undefined || !/\d.*-/.test(version)) continue
    found.push({ name, architecture, version, repository: repository ?? '' })
  }
  return found
}

type Severity = PendingUpdate['severity']

/**
 * Lines with a package's full name: `FEDORA-… Important/Sec. name-version-release.arch` (dnf 4) or
 * `FEDORA-… security Important name-version-release.arch date` (dnf 5). Gives the worst severity per `name.arch`.
 */
export function parseAdvisories(text: string): Map<string, Severity> {
  const found = new Map<string, Severity>()
  for (const line of text.split('\n')) {
    const severity = /\b(critical|important|moderate|low)\b/i.exec(line)?.[1]?.toLowerCase() as Severity
    for (const word of line.split(/\s+/).slice(1)) {
      const [, name, architecture] = /^(.+)-[^-]+-[^-]+\.([a-z0-9_]+)$/.exec(word) ?? []
      if (name === undefined) continue
      const key = `${name}.${architecture}`
      found.set(key, worse(found.get(key), severity))
    }
  }
  return found
}

const SEVERITIES = ['low', 'moderate', 'important', 'critical']

function worse(a: Severity, b: Severity): Severity {
  return SEVERITIES.indexOf(a ?? '') >= SEVERITIES.indexOf(b ?? '') ? a : b
}

export function complete(
  { name, architecture, version, repository }: AvailableRpm,
  installed: ReadonlyMap<string, string>,
  security: ReadonlyMap<string, Severity> | undefined,
): PendingUpdate {
  const key = `${name}.${architecture}`
  const severity = security?.get(key)
  return pendingUpdate({
    name,
    installed: installed.get(key) ?? null,
    available: version,
    architecture,
    origin: repository,
    security: security?.has(key) ?? null,
    ...(severity && { severity }),
  })
}

async function metadataTime(): Promise<string | null> {
  const dates: (Date | undefined)[] = []
  for (const cache of CACHES) {
    for (const name of await filesOf(cache)) dates.push(await modifiedAt(`${cache}/${name}/repodata/repomd.xml`))
  }
  return latest(dates)
}
