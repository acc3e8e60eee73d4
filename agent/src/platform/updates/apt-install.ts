import { setTimeout as sleep } from 'node:timers/promises'
import { runProgram } from '../run-program.ts'
import { type AptPlace, aptUpdates, HOST } from './apt.ts'
import { aptReason, isInterrupted, isLocked, packageReasons } from './apt-reasons.ts'
import { packageInstaller } from './install-packages.ts'
import type { Attempt, PackageBackend, Standing, Target, UpdateInstaller, Work } from './installer.ts'
import { runLong } from './long-program.ts'

const QUERY_MS = 60_000
const QUERY_BYTES = 8_000_000
/** How long another package manager may be at work before this one gives up. */
const LOCKED_MS = 600_000
const LOCK_PAUSE_MS = 2000

/** Debian Policy 5.6.1 and 5.6.12; an architecture may follow the name. Neither can begin with a dash. */
const NAME = /^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?$/
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+:~-]*$/

/** Nobody is there to answer, and what somebody changed in a configuration file stays. */
const UNATTENDED = {
  DEBIAN_FRONTEND: 'noninteractive',
  APT_LISTCHANGES_FRONTEND: 'none',
  UCF_FORCE_CONFFOLD: '1',
  // It would restart services, this agent among them.
  NEEDRESTART_SUSPEND: '1',
}
const KEEP_CONFIGURATION = ['--force-confdef', '--force-confold']
const OPTIONS = [
  '-q',
  '-y',
  ...KEEP_CONFIGURATION.flatMap((option) => ['-o', `Dpkg::Options::=${option}`]),
  '-o',
  'Dpkg::Use-Pty=0',
  '-o',
  'Acquire::Retries=2',
]

export function aptInstaller(place: AptPlace = HOST): UpdateInstaller {
  return packageInstaller(aptBackend(place))
}

function aptBackend(place: AptPlace): PackageBackend {
  return {
    manager: 'apt',
    present: () => aptUpdates(place).present(),
    isValid: ({ name, version }) => NAME.test(name) && (version === null || VERSION.test(version)),
    async refresh(work) {
      // Without it, what could not be fetched is a warning, and the old list stays.
      const args = ['-q', '-o', 'Acquire::Retries=2', '-o', 'APT::Update::Error-Mode=any', 'update']
      return (await patientApt(args, work, place)).reason
    },
    survey: (names) => survey(names, place),
    async isAtLeast(version, other) {
      if (version === other) return true
      const { exitCode } = await runProgram('dpkg', ['--compare-versions', version, 'ge', other])
      return exitCode === 0
    },
    upgrade: (targets, work) => upgrade(targets, work, place),
  }
}

/** Only what is installed is upgraded, and nothing is removed for it. */
function upgrade(targets: readonly Target[], work: Work, place: AptPlace): Promise<Attempt> {
  const wanted = targets.map(({ name, version }) => `${name}=${version}`)
  return patientApt([...OPTIONS, '--only-upgrade', '--no-remove', 'install', ...wanted], work, place)
}

/** Waits while somebody else has the lock, and puts right once what an interrupted run left behind. */
async function patientApt(args: readonly string[], work: Work, { environment }: AptPlace): Promise<Attempt> {
  const lockedUntil = Math.min(performance.now() + LOCKED_MS, work.deadline)
  const variables = { ...UNATTENDED, ...environment }
  for (let repaired = false; ;) {
    const { exitCode, text, timedOut } = await runLong('apt-get', args, work, variables)
    const reasons = packageReasons(text)
    if (timedOut) return { reasons, reason: 'apt did not end in time, and was ended' }
    if (exitCode === 0) return { reasons, reason: undefined }
    if (isLocked(text) && performance.now() + LOCK_PAUSE_MS < lockedUntil && !work.signal.aborted) {
      await sleep(LOCK_PAUSE_MS)
    } else if (isInterrupted(text) && !repaired) {
      repaired = true
      await runLong('dpkg', [...KEEP_CONFIGURATION, '--configure', '--pending'], work, variables)
    } else return { reasons, reason: aptReason(text) }
  }
}

async function survey(names: readonly string[], place: AptPlace): Promise<ReadonlyMap<string, Standing>> {
  const options = { timeoutMs: QUERY_MS, maxBytes: QUERY_BYTES, environment: place.environment }
  // Names that dpkg does not know make it end with 1, and it tells of the others all the same.
  const format = '${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Status}\\n'
  const query = await runProgram('dpkg-query', ['--show', `--showformat=${format}`, '--', ...names], options)
  const policy = await runProgram('apt-cache', ['policy', ...names], options)
  if (policy.exitCode !== 0) throw new Error(`apt-cache policy failed: ${aptReason(policy.stderr)}`)
  return standingsOf(names, query.stdout, policy.stdout)
}

export function standingsOf(names: readonly string[], query: string, policy: string): Map<string, Standing> {
  const offers = parsePolicy(policy)
  const installed = new Map<string, Pick<Standing, 'installed' | 'complete' | 'held'>>()
  for (const line of query.split('\n')) {
    const [name = '', architecture = '', version, want, status] = line.split('\t')
    if (version === undefined || version === '' || status === 'config-files' || status === 'not-installed') continue
    const standing = { installed: version, complete: status === 'installed', held: want === 'hold' }
    for (const key of [name, `${name}:${architecture}`]) installed.set(key, standing)
  }
  return new Map(
    names.flatMap((name) => {
      const standing = installed.get(name)
      const offer = offers.get(name) ?? { candidate: null, versions: [] }
      return standing ? [[name, { ...standing, ...offer }] as const] : []
    }),
  )
}

/** A paragraph per package: its candidate, and the table of versions with their priorities. */
export function parsePolicy(text: string): Map<string, Pick<Standing, 'candidate' | 'versions'>> {
  const offers = new Map<string, Pick<Standing, 'candidate' | 'versions'>>()
  for (const paragraph of text.split(/^(?=\S)/m)) {
    const name = /^(\S+):$/m.exec(paragraph)?.[1]
    const candidate = /^ {2}Candidate: (\S+)$/m.exec(paragraph)?.[1] ?? '(none)'
    const versions = [...paragraph.matchAll(/^ (?:\*{3}| {3}) (\S+) -?\d+$/gm)].map((match) => match[1] ?? '')
    if (name !== undefined) offers.set(name, { candidate: candidate === '(none)' ? null : candidate, versions })
  }
  return offers
}
