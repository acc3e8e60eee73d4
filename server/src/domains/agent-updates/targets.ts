/** The devices of an update: those whose agent is older than the one that this server ships. */
import { compareVersions, isReleaseVersion } from '@breeze/contract/agent-release'
import { conflict } from '../../kernel/errors.ts'
import type { Target, TransactionContext } from '../../kernel/tool.ts'
import { commandTarget, type CommandTarget, commandTargets, type Refusal } from '../commands/acting.ts'
import { agentVersions } from '../devices/agent-versions.ts'
import type { UpdateInput } from './input.ts'
import type { Release } from './releases.ts'

export interface UpdateTarget extends CommandTarget {
  from: string
  release: Release
  /** Devices that run it already, or a newer one. The same for all of a call. */
  upToDate: number
}

export async function updateTargets(context: TransactionContext, input: UpdateInput): Promise<UpdateTarget[]> {
  const waitMinutes = input.give_up_hours * 60
  const devices = await commandTargets(context, input, { capabilities: ['agent.update'], waitMinutes })
  const versions = await agentVersions(
    context.tx,
    devices.map(({ id }) => id),
  )
  // Known since the server started: nothing is run while the transaction is open.
  const release = await context.services.agentReleases.current()
  const older = devices.filter(({ id }) => !isUpToDate(versions.get(id) ?? '', release))
  if (older.length === 0) {
    const which = devices.length === 1 ? 'This device runs' : `All ${devices.length} devices run`
    throw conflict(`${which} ${release.version} already, or a newer agent.`, 'Nothing has to be done.')
  }
  return older.map((device) => {
    const from = versions.get(device.id) ?? ''
    const refusal = device.refusal ?? refusalOf(from, release)
    const common = { ...device, from, release, upToDate: devices.length - older.length }
    return refusal ? { ...common, refusal, caveat: refusal.reason } : common
  })
}

/** What `updateTargets` made: the kernel hands the same objects on. */
export function updateTarget(target: Target): UpdateTarget {
  const device = commandTarget(target)
  if (!isUpdateTarget(device)) throw new Error('the targets of an update have a version')
  return device
}
const isUpdateTarget = (target: CommandTarget): target is UpdateTarget => 'release' in target

const isUpToDate = (version: string, release: Release): boolean =>
  isReleaseVersion(version) && compareVersions(version, release.version) >= 0

function refusalOf(version: string, { version: to, updatesFrom }: Release): Refusal | undefined {
  if (!isReleaseVersion(version))
    return { kind: 'unsupported', reason: 'its agent told no version that can be compared' }
  if (compareVersions(version, updatesFrom) >= 0) return undefined
  return { kind: 'unsupported', reason: `it runs ${version}; ${to} needs at least ${updatesFrom}: install it anew` }
}
