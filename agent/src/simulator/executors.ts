import type { CommandOutcome, PowerArgs } from '@breeze/contract/agent-commands'
import type { ExecutionResult, Executors } from '../executor.ts'
import { inspections } from './inspections.ts'
import { isolations } from './isolations.ts'
import { scripts } from './script-executor.ts'
import { type SimulatedMachine, slept } from './simulated-machine.ts'
import { updateCommands } from './update-commands.ts'

/** What a simulated device does with each type of command. The same contract as the real executors'. */
export function simulatedExecutors(machine: SimulatedMachine): Executors {
  return {
    ...inspections(machine),
    ...isolations(machine),
    ...updateCommands(machine),
    'script.run': scripts(machine),
    'power.reboot': {
      type: 'power.reboot',
      unsupported: async () => undefined,
      run: (execution) => power('reboot', execution, machine),
    },
    'power.shutdown': {
      type: 'power.shutdown',
      unsupported: async () => undefined,
      run: (execution) => power('shutdown', execution, machine),
    },
  }
}

/** As on a real device: the outcome is recorded first, and only then the device acts on it. */
async function power(
  action: 'reboot' | 'shutdown',
  { args, signal }: { args: PowerArgs; signal: AbortSignal },
  machine: SimulatedMachine,
): Promise<ExecutionResult> {
  const startedAt = new Date().toISOString()
  const outcome = (state: 'succeeded' | 'interrupted', reason: string): CommandOutcome => ({
    state,
    reason,
    startedAt,
    finishedAt: new Date().toISOString(),
  })
  if (!(await slept(args.delaySeconds * 1000, signal))) {
    return { outcome: outcome('interrupted', 'The device went down before the delay was over') }
  }
  return {
    outcome: outcome('succeeded', `${action} requested`),
    afterwards: async () => {
      machine.power(action)
      return undefined
    },
  }
}
