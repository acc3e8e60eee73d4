import type { CommandOutcome } from '@breeze/contract/agent-commands'
import type { Executors } from '../executor.ts'
import type { SimulatedMachine } from './simulated-machine.ts'

const unsupported = async () => undefined

/** It only remembers: a device that exists only here has no network to cut. */
export function isolations(machine: SimulatedMachine): Executors {
  return {
    'network.isolate': {
      type: 'network.isolate',
      unsupported,
      run: async ({ args: { releaseAfterSeconds } }) => {
        machine.isolate(releaseAfterSeconds)
        return { outcome: outcomeOf(machine) }
      },
    },
    'network.release': {
      type: 'network.release',
      unsupported,
      run: async () => {
        machine.isolate(null)
        return { outcome: outcomeOf(machine) }
      },
    },
  }
}

function outcomeOf(machine: SimulatedMachine): CommandOutcome {
  const at = machine.look().now.toISOString()
  const isolation = machine.isolation()
  const data = { isolated: isolation !== null, until: isolation?.until?.toISOString() ?? null }
  return { state: 'succeeded', data, startedAt: at, finishedAt: at, durationMs: 0 }
}
