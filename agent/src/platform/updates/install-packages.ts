import type {
  Attempt,
  PackageBackend,
  Standing,
  Target,
  UpdateInstaller,
  UpdateResult,
  WantedUpdate,
  Work,
} from './installer.ts'

type Step = { wanted: WantedUpdate; target: Target } | { result: UpdateResult }
type Standings = ReadonlyMap<string, Standing>
type Failure = Pick<UpdateResult, 'state' | 'reason'>

/** Less is not worth beginning anything. */
const LEAST_MS = 5000
const LONGEST_REASON = 500

export const packageInstaller = (backend: PackageBackend): UpdateInstaller => ({
  manager: backend.manager,
  present: () => backend.present(),
  refresh: (work) => backend.refresh(work),
  install: (wanted, work) => installPackages(backend, wanted, work),
})

/** Nothing counts as installed because a program ended well: the versions are read back. */
async function installPackages(
  backend: PackageBackend,
  wanted: readonly WantedUpdate[],
  work: Work,
): Promise<UpdateResult[]> {
  const names = wanted.filter((update) => backend.isValid(update)).map(({ name }) => name)
  const before = await surveyed(backend, names)
  const steps: Step[] = []
  for (const update of wanted) steps.push(await stepOf(backend, update, before))
  const targets = steps.flatMap((step) => ('target' in step ? [step.target] : []))
  const failures = await attempt(backend, targets, work)
  const after = await surveyed(backend, names)
  return steps.map((step) =>
    'result' in step ? step.result : resultOf(step.target, before, after, failures.get(step.target.name)),
  )
}

async function surveyed(backend: PackageBackend, names: readonly string[]): Promise<Standings> {
  return names.length === 0 ? new Map() : await backend.survey([...new Set(names)])
}

/** What is to be done for an update, or why there is nothing to do. */
async function stepOf(backend: PackageBackend, wanted: WantedUpdate, standings: Standings): Promise<Step> {
  const standing = standings.get(wanted.name)
  const installed = standing?.installed ?? null
  const done = (state: UpdateResult['state'], reason?: string): Step => ({
    result: { name: wanted.name, state, before: installed, after: installed, ...(reason !== undefined && { reason }) },
  })
  if (!standing || installed === null) return done('not_available', 'no package of this name is installed here')
  const version = wanted.version ?? standing.candidate
  if (version === null) return done('not_available', 'no repository offers it')
  // Never an older one: what was approved last week may be behind what the device has by now.
  if (standing.complete && (await backend.isAtLeast(installed, version))) return done('already_installed')
  if (!standing.versions.includes(version)) {
    const newest = standing.candidate === null ? '' : `; the newest there is is ${standing.candidate}`
    return done('not_available', `no repository offers ${version}${newest}`)
  }
  if (standing.held) return done('failed', `held: ${backend.manager} is told on this device to keep it at ${installed}`)
  return { wanted, target: { name: wanted.name, version } }
}

/** All at once, and where that fails as a whole, each of the rest by itself: one bad update must not hold up the others. */
async function attempt(
  backend: PackageBackend,
  targets: readonly Target[],
  work: Work,
): Promise<ReadonlyMap<string, Failure>> {
  const failures = new Map<string, Failure>()
  if (targets.length === 0) return failures
  if (work.signal.aborted) return new Map(targets.map(({ name }) => [name, NOT_BEGUN]))
  const whole = await backend.upgrade(targets, work)
  note(failures, targets, whole)
  if (whole.reason === undefined || targets.length === 1) return failures
  const standings = await surveyed(
    backend,
    targets.map(({ name }) => name),
  )
  const open = targets.filter((target) => !whole.reasons.has(target.name) && !isAt(standings.get(target.name), target))
  for (const target of open) {
    if (work.deadline - performance.now() < LEAST_MS) break
    if (work.signal.aborted) failures.set(target.name, NOT_BEGUN)
    else note(failures, [target], await backend.upgrade([target], work))
  }
  return failures
}

const NOT_BEGUN: Failure = { state: 'not_attempted', reason: 'cancelled before it began' }

function note(failures: Map<string, Failure>, targets: readonly Target[], { reasons, reason }: Attempt): void {
  for (const { name } of targets) {
    const why = reasons.get(name) ?? reason
    if (why === undefined) failures.delete(name)
    else failures.set(name, { state: 'failed', reason: why })
  }
}

const isAt = (standing: Standing | undefined, { version }: Target): boolean =>
  standing?.complete === true && standing.installed === version

function resultOf(target: Target, before: Standings, after: Standings, failure: Failure | undefined): UpdateResult {
  const { name, version } = target
  const versions = { before: before.get(name)?.installed ?? null, after: after.get(name)?.installed ?? null }
  if (isAt(after.get(name), target)) return { name, state: 'installed', ...versions }
  const found = `the package manager reported success, and the version is ${versions.after ?? 'none'} and not ${version}`
  const { state, reason = found } = failure ?? { state: 'failed' as const }
  return { name, state, ...versions, reason: reason.slice(0, LONGEST_REASON) }
}
