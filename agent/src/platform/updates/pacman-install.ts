import { runProgram } from '../run-program.ts'
import { packageInstaller } from './install-packages.ts'
import type { Attempt, PackageBackend, Standing, Target, Work } from './installer.ts'
import { runLong } from './long-program.ts'
import { lastLine } from './manager.ts'
import { pacmanUpdates, parsePacmanUpdates } from './pacman.ts'

const QUERY_MS = 60_000
const NAME = /^[a-z0-9@_+][a-z0-9@._+-]*$/
const VERSION = /^[A-Za-z0-9][A-Za-z0-9+._:~-]*$/
const LONGEST = 400

/** Never run on a machine of this family; what pacman says is read as it was recorded. */
const backend: PackageBackend = {
  manager: 'pacman',
  present: () => pacmanUpdates.present(),
  isValid: ({ name, version }) => NAME.test(name) && (version === null || VERSION.test(version)),
  async refresh(work) {
    const { exitCode, text } = await runLong('pacman', ['-Sy', '--noconfirm', '--color', 'never'], work, {})
    return exitCode === 0 ? undefined : pacmanReason(text)
  },
  async survey(names) {
    const installed = await runProgram('pacman', ['-Q', '--color', 'never', '--', ...names], { timeoutMs: QUERY_MS })
    return standingsOf(installed.stdout, await pending())
  },
  async isAtLeast(version, other) {
    if (version === other) return true
    const { stdout } = await runProgram('vercmp', [version, other])
    return Number(stdout.trim()) >= 0
  },
  upgrade,
}

export const pacmanInstaller = packageInstaller(backend)

async function pending(): Promise<string> {
  return (await runProgram('pacman', ['-Qu', '--color', 'never'], { timeoutMs: QUERY_MS })).stdout
}

/** Its distributions support no partial upgrade: all that is pending, or nothing. */
async function upgrade(targets: readonly Target[], work: Work): Promise<Attempt> {
  const left = unasked(targets, await pending())
  if (left > 0) {
    const reason = `pacman upgrades everything or nothing, and ${left} pending updates were not asked for`
    return { reasons: new Map(), reason }
  }
  const { exitCode, text, timedOut } = await runLong('pacman', ['-Su', '--noconfirm', '--color', 'never'], work, {})
  if (timedOut) return { reasons: new Map(), reason: 'pacman did not end in time, and was ended' }
  return { reasons: new Map(), reason: exitCode === 0 ? undefined : pacmanReason(text) }
}

/** What its configuration holds back does not count. */
export function unasked(targets: readonly Pick<Target, 'name'>[], text: string): number {
  const names = new Set(targets.map(({ name }) => name))
  return parsePacmanUpdates(withoutIgnored(text)).filter(({ name }) => !names.has(name)).length
}

const withoutIgnored = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.endsWith('[ignored]'))
    .join('\n')

/** Of `pacman -Q` and `pacman -Qu`. */
export function standingsOf(installed: string, pending: string): Map<string, Standing> {
  const offers = new Map(parsePacmanUpdates(pending).map(({ name, available }) => [name, available]))
  const ignored = new Set([...pending.matchAll(/^(\S+) .*\[ignored\]$/gm)].map((match) => match[1]))
  return new Map(
    [...installed.matchAll(/^(\S+) (\S+)$/gm)].map(([, name = '', version = '']) => {
      const offer = offers.get(name)
      const versions = offer === undefined ? [version] : [version, offer]
      return [
        name,
        { installed: version, complete: true, candidate: offer ?? version, versions, held: ignored.has(name) },
      ]
    }),
  )
}

/** `error: failed to commit transaction (conflicting files)`, and below it which. */
export function pacmanReason(text: string): string {
  const said = text
    .split('\n')
    .filter((line) => /^error: |exists in filesystem|breaks dependency|signature from/.test(line))
  const lines =
    said.length > 0 ? said.slice(0, 3).map((line) => line.replace(/^(?:error: |:: )/, '')) : [lastLine(text)]
  return lines.join('; ').slice(0, LONGEST)
}
