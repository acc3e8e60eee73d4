/** The devices of a deployment: those that lack something that was asked for, each with what it is to get. */
import type { CommandBody } from '@breeze/contract/agent-commands'
import { capabilitiesOf, type ScriptArgs } from '@breeze/contract/agent-commands'
import { asList } from '../../../identity/fields.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { Target, TransactionContext } from '../../../kernel/tool.ts'
import { commandTarget, type CommandTarget, commandTargets } from '../../commands/acting.ts'
import { type Choice, chooseUpdates } from './choose.ts'
import type { DeployInput } from './input.ts'
import { rulesFor } from './rule-rows.ts'
import type { ChosenUpdate } from './task.ts'

export interface DeployTarget extends CommandTarget {
  updates: ChosenUpdate[]
  /** The same for all of a call. */
  left: Choice['left'] & { devices: number }
}

export async function deployTargets(context: TransactionContext, input: DeployInput): Promise<DeployTarget[]> {
  const capabilities = [...new Set(bodiesOf(input).flatMap(capabilitiesOf))]
  const devices = await commandTargets(context, input, { capabilities, waitMinutes: input.give_up_hours * 60 })
  const organizations = [...new Set(devices.map(({ organizationId }) => organizationId))]
  const choice = await chooseUpdates(
    context.tx,
    devices.map(({ id }) => id),
    {
      named: asList(input.updates),
      severities: asList(input.severity),
      securityOnly: input.security_only,
    },
    await rulesFor(context.tx, organizations),
    context.now(),
  )
  const left = { ...choice.left, devices: devices.length - choice.updates.size }
  const targets = devices.flatMap((device) => {
    const updates = choice.updates.get(device.id)
    return updates ? [{ ...device, updates, left }] : []
  })
  if (targets.length === 0) throw nothing(left)
  return targets
}

/** What `deployTargets` made: the kernel hands the same objects on. */
export function deployTarget(target: Target): DeployTarget {
  const device = commandTarget(target)
  if (!isDeployTarget(device)) throw new Error('the targets of a deployment have updates')
  return device
}
const isDeployTarget = (target: CommandTarget): target is DeployTarget => 'updates' in target

/** What runs before and after, where anything does. */
export function scriptsOf({ scripts, timeout_minutes }: DeployInput): {
  preScript?: ScriptArgs
  postScript?: ScriptArgs
} {
  const made = (content: string): ScriptArgs => ({
    language: scripts?.language ?? 'bash',
    content,
    arguments: [],
    timeoutSeconds: Math.min(3600, timeout_minutes * 60),
  })
  return {
    ...(scripts?.before !== undefined && { preScript: made(scripts.before) }),
    ...(scripts?.after !== undefined && { postScript: made(scripts.after) }),
  }
}

/** All that may be sent: what a device can't do of it keeps it out. */
function bodiesOf(input: DeployInput): CommandBody[] {
  const timeoutSeconds = input.timeout_minutes * 60
  return [
    { type: 'updates.install', args: { updates: [], timeoutSeconds, ...scriptsOf(input) } },
    { type: 'updates.scan', args: { refreshLists: false } },
    ...(input.reboot === 'never' ? [] : [{ type: 'power.reboot' as const, args: { delaySeconds: 0, reason: '' } }]),
  ]
}

function nothing(left: DeployTarget['left']) {
  const { blocked, not_yet: early, not_approved: open } = left
  const against = [
    ...(blocked > 0 ? [`${blocked} are blocked by a rule`] : []),
    ...(early > 0 ? [`${early} are approved only later`] : []),
    ...(open > 0 ? [`${open} are not approved`] : []),
  ]
  const why = against.length > 0 ? ` Of what they lack, ${against.join(', ')}.` : ''
  return conflict(
    `None of these devices is known to lack an update that was asked for and may be installed.${why}`,
    'get_patch_status tells what they lack; list_patch_rules, what is approved and blocked.',
  )
}
