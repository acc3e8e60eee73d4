import { runProgram } from '../run-program.ts'
import { dnf, parseCheckUpdate } from './dnf.ts'
import { packageInstaller } from './install-packages.ts'
import type { Attempt, PackageBackend, Standing, Target, Work } from './installer.ts'
import { runLong } from './long-program.ts'
import { lastLine } from './manager.ts'

const QUERY_MS = 150_000
const QUERY_BYTES = 8_000_000
const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/
/** epoch:version-release. None of these means anything to rpm's macros. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9+._:~^-]*$/
const FORMAT = '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n'
const LONGEST = 400

/** Never run on a machine of this family; what dnf says is read as it was recorded. */
const backend: PackageBackend = {
  manager: 'dnf',
  present: () => dnf.present(),
  isValid: ({ name, version }) => NAME.test(name) && (version === null || VERSION.test(version)),
  async refresh(work) {
    const { exitCode, text } = await runLong('dnf', ['-y', 'makecache', '--refresh'], work, {})
    return exitCode === 0 ? undefined : dnfReason(text)
  },
  async survey(names) {
    const options = { timeoutMs: QUERY_MS, maxBytes: QUERY_BYTES }
    // Names that rpm does not know make it end with 1, and it tells of the others all the same.
    const installed = await runProgram('rpm', ['-q', '--qf', FORMAT, '--', ...names], options)
    const offered = await runProgram('dnf', ['-q', 'check-update', ...names], options)
    if (offered.exitCode !== 0 && offered.exitCode !== 100) {
      throw new Error(`dnf check-update failed: ${lastLine(offered.stderr)}`)
    }
    return standingsOf(installed.stdout, offered.stdout)
  },
  async isAtLeast(version, other) {
    if (version === other) return true
    const compared = await runProgram('rpm', ['--eval', `%{lua:print(rpm.vercmp("${version}", "${other}"))}`])
    return compared.exitCode === 0 && ['0', '1'].includes(compared.stdout.trim())
  },
  upgrade,
}

export const dnfInstaller = packageInstaller(backend)

async function upgrade(targets: readonly Target[], work: Work): Promise<Attempt> {
  const wanted = targets.map(({ name, version }) => `${name}-${version}`)
  const { exitCode, text, timedOut } = await runLong('dnf', ['-y', '--noplugins', 'upgrade', ...wanted], work, {})
  const reasons = dnfReasons(text, targets)
  if (timedOut) return { reasons, reason: 'dnf did not end in time, and was ended' }
  return { reasons, reason: exitCode === 0 ? undefined : dnfReason(text) }
}

/** Of `rpm -q` and `dnf check-update`. The newest of several that are installed side by side counts, which comes last. */
export function standingsOf(installed: string, offered: string): Map<string, Standing> {
  const offers = new Map(parseCheckUpdate(offered).map(({ name, version }) => [name, version]))
  const found = new Map<string, Standing>()
  for (const line of installed.split('\n')) {
    const [name = '', version] = line.split('\t')
    if (version === undefined) continue
    const offer = offers.get(name)
    const candidate = offer ?? version
    const versions = offer === undefined ? [version] : [version, offer]
    found.set(name, { installed: version, complete: true, candidate, versions, held: false })
  }
  return found
}

/** What dnf says of one package: a problem of its dependencies, a download, a scriptlet. */
export function dnfReasons(text: string, targets: readonly Pick<Target, 'name'>[]): Map<string, string> {
  const lines = text.split('\n').map((line) => line.trim())
  const found = new Map<string, string>()
  for (const { name } of targets) {
    const isOf = (line: string): boolean =>
      line.includes(`${name}-`) && new RegExp(`(?:^|[\\s/])${escaped(name)}-\\d`).test(line)
    const line = lines.find((one) => SAYS_WHY.test(one) && isOf(one))
    if (line !== undefined) found.set(name, line.replace(/^-\s*/, '').slice(0, LONGEST))
  }
  return found
}
const SAYS_WHY =
  /nothing provides|conflicts with|requires|scriptlet|Status code|Error unpacking|unpacking of archive failed|No match for argument/
const escaped = (name: string): string => name.replaceAll(/[.+]/g, '\\$&')

export function dnfReason(text: string): string {
  const space = /^\s*(At least .+ more space needed .+)$/m.exec(text)?.[1]
  const problem = /^\s*Problem(?: \d+)?: (.+)$/m.exec(text)?.[1]
  const error = /^Error: ?(.*)$/m.exec(text)?.[1]
  return (space ?? problem ?? (error === '' ? undefined : error) ?? lastLine(text)).trim().slice(0, LONGEST)
}
