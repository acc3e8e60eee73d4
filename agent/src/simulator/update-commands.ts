import type { CommandArgs, CommandOutcome, ResultData } from '@breeze/contract/agent-commands'
import type { Execution, Executors } from '../executor.ts'
import { scripts } from './script-executor.ts'
import { seededChance } from './seeded.ts'
import { type SimulatedMachine, slept } from './simulated-machine.ts'
import { failed, installed, type Patches, type PendingPatch } from './updates.ts'

type Wanted = CommandArgs<'updates.install'>['updates'][number]
type Result = ResultData<'updates.install'>['results'][number]
type Script = NonNullable<CommandArgs<'updates.install'>['preScript']>

const CHANGED = ['updates', 'update_history', 'software', 'posture'] as const
/** As if it took its time. */
const EACH_MS = 40
/** After these a machine wants to start anew. */
const RESTARTING = /^linux-image|^libc6$|^macOS |Cumulative Update/

const unsupported = async () => undefined

export function updateCommands(machine: SimulatedMachine): Executors {
  return {
    'updates.scan': {
      type: 'updates.scan',
      unsupported,
      run: async (execution) => ({ outcome: await scan(execution) }),
    },
    'updates.install': {
      type: 'updates.install',
      unsupported,
      run: async (execution) => ({ outcome: await install(execution, machine) }),
    },
  }
}

async function scan({ tell }: Execution<'updates.scan'>): Promise<CommandOutcome> {
  const startedAt = new Date().toISOString()
  const { updates } = await tell(CHANGED)
  const data = { pending: updates?.data?.updates.length ?? 0, listsUpdatedAt: updates?.data?.listsUpdatedAt ?? null }
  return { state: 'succeeded', data, startedAt, finishedAt: new Date().toISOString() }
}

async function install(execution: Execution<'updates.install'>, machine: SimulatedMachine): Promise<CommandOutcome> {
  const { args, signal, tell } = execution
  const startedAt = new Date().toISOString()
  const before = await around(args.preScript, execution, machine)
  if (before !== undefined) {
    const results = args.updates.map((wanted) => notAttempted(wanted, `The script before it ${before}`))
    return outcomeOf(results, machine, startedAt)
  }
  const results: Result[] = []
  for (const wanted of args.updates) {
    if (!(await slept(EACH_MS, signal)))
      return { state: 'interrupted', reason: 'The device went down while it installed updates', startedAt }
    results.push(installOne(wanted, machine))
  }
  await tell(CHANGED)
  const after = await around(args.postScript, execution, machine)
  return outcomeOf(results, machine, startedAt, after === undefined ? undefined : `The script after it ${after}`)
}

function outcomeOf(results: Result[], machine: SimulatedMachine, startedAt: string, trouble?: string): CommandOutcome {
  const missing = results.filter(({ state }) => state !== 'installed' && state !== 'already_installed')
  const reason = missing.length > 0 ? `${missing.length} of ${results.length} updates were not installed` : trouble
  return {
    state: reason === undefined ? 'succeeded' : 'failed',
    ...(reason !== undefined && { reason }),
    data: { results, rebootPending: machine.restartDue() } satisfies ResultData<'updates.install'>,
    startedAt,
    finishedAt: new Date().toISOString(),
  }
}

/** What became of the script, where it did not succeed. */
async function around(
  script: Script | undefined,
  { commandId, signal, reply, tell }: Execution<'updates.install'>,
  machine: SimulatedMachine,
): Promise<string | undefined> {
  if (!script) return undefined
  const { outcome } = await scripts(machine).run({ commandId, args: script, signal, reply, tell })
  return outcome.state === 'succeeded' ? undefined : `ended as ${outcome.state}`
}

function installOne(wanted: Wanted, machine: SimulatedMachine): Result {
  const { pending, history } = machine.patches()
  const found = pending.find(({ name, article }) => name === wanted.name || isSame(article, wanted.article))
  if (!found) return absent(wanted, history)
  const before = found.installed ?? null
  if (wanted.version !== null && wanted.version !== found.available) {
    const reason = `the newest there is is ${found.available}`
    return { name: wanted.name, state: 'not_available', before, after: before, reason }
  }
  const now = machine.look().now.getTime()
  const reason = failure(found, machine)
  if (reason !== undefined) {
    machine.patched({ pending, history: [{ ...failed(found, now), reason }, ...history] }, false)
    return { name: wanted.name, state: 'failed', before, after: before, reason }
  }
  const rest = pending.filter((one) => one !== found)
  machine.patched({ pending: rest, history: [installed(found, now), ...history] }, RESTARTING.test(found.name))
  return { name: wanted.name, state: 'installed', before, after: found.available }
}

const isSame = (one: string | undefined, other: string | undefined): boolean => one !== undefined && one === other

function absent(wanted: Wanted, history: Patches['history']): Result {
  const done = history.find((one) => one.outcome === 'installed' && one.name === wanted.name)
  const version = done?.version ?? null
  const isThis = done !== undefined && (wanted.version === null || wanted.version === version)
  if (isThis) return { name: wanted.name, state: 'already_installed', before: version, after: version }
  return { name: wanted.name, state: 'not_available', before: null, after: null, reason: 'no such update is offered' }
}

function notAttempted({ name }: Wanted, reason: string): Result {
  return { name, state: 'not_attempted', before: null, after: null, reason }
}

/** By the seed, and each time anew: what failed once mostly goes well the next time. */
function failure({ name, available }: PendingPatch, machine: SimulatedMachine): string | undefined {
  const { system, machineId } = machine.look().facts
  const tries = machine.patches().history.filter((one) => one.outcome === 'failed' && one.name === name).length
  const chance = seededChance(`${machineId}\n${name}\n${available}\n${tries}`)
  return chance.next() < machine.failingUpdates ? chance.pick(REASONS[system.family]) : undefined
}

const REASONS: { readonly [F in 'windows' | 'linux' | 'macos']: readonly [string, ...string[]] } = {
  windows: [
    '0x80070643: fatal error during installation',
    '0x80070070: there is not enough space on the disk',
    '0x800f0922: the update could not be applied, and the changes were undone',
    '0x80240022: the operation failed for all the updates',
  ],
  linux: [
    'installed post-installation script subprocess returned error exit status 1',
    'cannot copy extracted data: No space left on device',
    'unmet dependencies: the version it needs is not going to be installed',
    'Failed to fetch: Connection timed out',
  ],
  macos: ['The update could not be verified', 'Not enough free space to install the update'],
}
