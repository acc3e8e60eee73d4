import { execFile } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CommandOutcome, PowerArgs } from '@breeze/contract/agent-commands'
import type { AgentConfig } from '../config.ts'
import type { Execution, Executor } from '../executor.ts'
import { errorText, type Log } from '../log.ts'
import { patiently } from '../patience.ts'
import { exists } from '../platform/files.ts'

const ACT_TIMEOUT_MS = 30_000

type Action = 'reboot' | 'shutdown'
type PowerExecution = Omit<Execution, 'args'> & { args: PowerArgs }

export interface PowerOptions {
  mode: AgentConfig['power']
  stateDirectory: string
  log: Log
}

/** Where a dry run notes what it would have done: one JSON line per act. */
export function powerRecordPath(stateDirectory: string): string {
  return join(stateDirectory, 'power-dry-run.ndjson')
}

export const reboot = (options: PowerOptions): Executor<'power.reboot'> => ({
  type: 'power.reboot',
  unsupported: () => unsupported('reboot', options),
  run: (execution) => schedule('reboot', execution, options),
})

export const shutdown = (options: PowerOptions): Executor<'power.shutdown'> => ({
  type: 'power.shutdown',
  unsupported: () => unsupported('shutdown', options),
  run: (execution) => schedule('shutdown', execution, options),
})

/**
 * Waits for the delay, then lets the runner record `succeeded` and only afterwards acts: a machine that finds the
 * command unfinished after its own reboot would never stop rebooting.
 */
async function schedule(action: Action, execution: PowerExecution, options: PowerOptions) {
  const startedAt = new Date().toISOString()
  try {
    await sleep(execution.args.delaySeconds * 1000, undefined, { signal: execution.signal })
  } catch (error) {
    if (!execution.signal.aborted) throw error
    const reason = 'The agent was stopped before the delay was over'
    return { outcome: outcomeOf('interrupted', reason, startedAt) }
  }
  return {
    outcome: outcomeOf('succeeded', `${action} requested`, startedAt),
    afterwards: async () => {
      await patiently(execution.reply({ type: 'goodbye', reason: action }))
      options.log('power', { action, mode: options.mode })
      try {
        await act(action, execution, options)
        return undefined
      } catch (error) {
        return outcomeOf('failed', `${action} failed: ${errorText(error)}`.slice(0, 500), startedAt)
      }
    },
  }
}

async function act(
  action: Action,
  { commandId, args }: PowerExecution,
  { mode, stateDirectory }: PowerOptions,
): Promise<void> {
  if (mode === 'dry-run') {
    const record = { time: new Date().toISOString(), action, commandId, reason: args.reason }
    await appendFile(powerRecordPath(stateDirectory), `${JSON.stringify(record)}\n`, { mode: 0o600 })
    return
  }
  const [program, ...argv] = await powerCommand(action)
  await promisify(execFile)(program, argv, { timeout: ACT_TIMEOUT_MS })
}

async function powerCommand(action: Action): Promise<readonly [string, ...string[]]> {
  if (process.platform !== 'linux') return FOREIGN[action][process.platform === 'win32' ? 'windows' : 'macos']
  if (await exists('/run/systemd/system')) return ['systemctl', action === 'reboot' ? 'reboot' : 'poweroff']
  return ['shutdown', action === 'reboot' ? '-r' : '-P', 'now']
}

/** Never run on either. On Windows: planned, and not held up by a program that does not want to end. */
const FOREIGN = {
  reboot: {
    windows: ['shutdown.exe', '/r', '/f', '/t', '0', '/d', 'p:0:0'],
    macos: ['/sbin/shutdown', '-r', 'now'],
  },
  shutdown: {
    windows: ['shutdown.exe', '/s', '/f', '/t', '0', '/d', 'p:0:0'],
    macos: ['/sbin/shutdown', '-h', 'now'],
  },
} as const

async function unsupported(action: Action, { mode }: PowerOptions): Promise<string | undefined> {
  if (mode === 'dry-run' || process.platform === 'win32') return undefined
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    return `${action} is not supported by this agent on ${process.platform} yet`
  }
  if (process.getuid?.() !== 0) return `${action} needs the agent to run as root`
  return undefined
}

function outcomeOf(state: CommandOutcome['state'], reason: string, startedAt: string): CommandOutcome {
  return { state, reason, startedAt, finishedAt: new Date().toISOString() }
}
