/** What an action does to a device: its command, and its effect in words. */
import { isIPv6 } from 'node:net'
import { type CommandBody, isolateArgs } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import type { Effect } from '../../../kernel/tool.ts'
import { manyDevices } from '../../commands/answer.ts'
import { onDevices } from '../../rollouts/staging.ts'

export const DEVICE_ACTIONS = [
  'lock',
  'wake',
  'reboot',
  'shutdown',
  'isolate',
  'release',
  'wipe',
  'uninstall_agent',
] as const

export const actionFields = {
  action: z.enum(DEVICE_ACTIONS),
  delay_seconds: z.number().int().min(0).max(86_400).default(0).describe('Of reboot and shutdown.'),
  reason: z.string().max(500).default(''),
  release_after_seconds: z.number().int().min(0).max(604_800).default(0).describe('Of isolate; 0: until release.'),
  allow: isolateArgs.shape.allow.default([]).describe('Of isolate, in reach beside the server:'),
}
export const actionTask = z.object(actionFields)
export type ActionTask = z.output<typeof actionTask>

/** Null for waking, which other devices than the named ones do. */
export function bodyOf({
  action,
  delay_seconds,
  reason,
  allow,
  release_after_seconds,
}: ActionTask): CommandBody | null {
  const args = { delaySeconds: delay_seconds, reason }
  if (action === 'wake') return null
  if (action === 'lock') return { type: 'device.lock', args: {} }
  if (action === 'reboot') return { type: 'power.reboot', args }
  if (action === 'shutdown') return { type: 'power.shutdown', args }
  if (action === 'isolate')
    return { type: 'network.isolate', args: { allow, releaseAfterSeconds: release_after_seconds } }
  if (action === 'release') return { type: 'network.release', args: {} }
  throw new Error(`${action} is never carried out`)
}

export const VERB: Partial<Record<ActionTask['action'], string>> = {
  lock: 'Lock',
  reboot: 'Reboot',
  shutdown: 'Shut down',
  isolate: 'Isolate',
  release: 'Release',
}

/** What stays in reach, and when it ends. */
function isolationEffect({ allow, release_after_seconds }: ActionTask, on: string, stages: string): Effect {
  const named = allow.map(({ address, port }) => (isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`))
  const reach = ['this server', 'loopback', 'DHCP', ...named].join(', ')
  const hours = Math.round(release_after_seconds / 360) / 10
  const end = release_after_seconds === 0 ? 'when somebody releases it' : `by itself after ${hours} hours`
  return {
    summary: `Isolate ${on}${stages}: only ${reach} stay in reach. It ends ${end}.`,
    irreversible: ['Open connections to everything else end at once, name servers included.'],
  }
}

/** `stages`: in which stages, in words; empty for all at once. */
export function effectOf(input: ActionTask, devices: number, stages: string): Effect {
  const { action, delay_seconds } = input
  const on = stages === '' ? onDevices(devices) : manyDevices(devices)
  if (action === 'isolate') return isolationEffect(input, on, stages)
  if (action === 'release')
    return { summary: `Release ${on}${stages}: the whole network is in reach again.`, irreversible: [] }
  const atOnce = action === 'lock' || stages !== '' || on.endsWith('at once') ? '' : ' at once'
  const delay = action !== 'lock' && delay_seconds > 0 ? ` after ${delay_seconds} seconds` : atOnce
  return {
    summary: `${VERB[action]} ${on}${delay}${stages}.`,
    irreversible: [
      ...(action === 'lock' ? [] : ['Unsaved work on the devices is lost.']),
      ...(action === 'shutdown' ? ['What does not answer to wake-up packets must be switched on by hand.'] : []),
    ],
  }
}
