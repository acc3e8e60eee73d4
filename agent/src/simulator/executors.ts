import { setTimeout as sleep } from 'node:timers/promises'
import { type CommandOutcome, MAX_OUTPUT_BYTES, type PowerArgs } from '@breeze/contract/agent-commands'
import type { Execution, ExecutionResult, Executor, Executors } from '../executor.ts'
import type { Machine } from './machine.ts'
import { answer } from './script-answers.ts'
import { commandOf, statementsOf } from './script-text.ts'

export interface SimulatedMachine {
  /** As it is at this moment. */
  look(): Machine
  /** Goes down; after a reboot it comes back as another boot. */
  power(action: 'reboot' | 'shutdown'): void
}

/** What a simulated device does with each type of command. The same contract as the real executors'. */
export function simulatedExecutors(machine: SimulatedMachine): Executors {
  return {
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

function scripts(machine: SimulatedMachine): Executor<'script.run'> {
  return {
    type: 'script.run',
    async unsupported({ args }) {
      const { interpreters } = machine.look().facts.system
      return interpreters.includes(args.language)
        ? undefined
        : `no interpreter for ${args.language} is installed on this device`
    },
    run: async (execution) => ({ outcome: await runStatements(execution, machine) }),
  }
}

type End = { state: CommandOutcome['state']; exitCode: number | null; reason?: string }

async function runStatements(execution: Execution<'script.run'>, machine: SimulatedMachine): Promise<CommandOutcome> {
  const started = new Date()
  const deadline = started.getTime() + execution.args.timeoutSeconds * 1000
  const lines: string[] = []
  const end = await walk(execution, machine, deadline, (text) => lines.push(text))
  const finished = new Date()
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  return {
    ...end,
    signal: null,
    output: bytes.subarray(0, MAX_OUTPUT_BYTES).toString().toWellFormed(),
    outputBytes: bytes.length,
    truncated: bytes.length > MAX_OUTPUT_BYTES,
    startedAt: started.toISOString(),
    finishedAt: finished.toISOString(),
    durationMs: finished.getTime() - started.getTime(),
  }
}

async function walk(
  { args, signal }: Execution<'script.run'>,
  machine: SimulatedMachine,
  deadline: number,
  print: (text: string) => void,
): Promise<End> {
  for (const statement of statementsOf(args.content)) {
    const result = answer(commandOf(statement), machine.look())
    if (result.act === 'exit') return ended(result.code)
    if (result.act === 'fail') {
      print(result.text)
      return ended(1)
    }
    if (result.act === 'print') {
      if (result.text !== '') print(result.text)
      continue
    }
    const leftMs = deadline - Date.now()
    const wantedMs = result.seconds * 1000
    if (!(await slept(Math.min(wantedMs, leftMs), signal))) {
      return { state: 'interrupted', exitCode: null, reason: 'The device went down while the script ran' }
    }
    if (wantedMs > leftMs) {
      const reason = `The script ran longer than ${args.timeoutSeconds} s and was killed`
      return { state: 'timed_out', exitCode: null, reason }
    }
  }
  return ended(0)
}

const ended = (exitCode: number): End => ({ state: exitCode === 0 ? 'succeeded' : 'failed', exitCode })

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

/** False when the device went down meanwhile. */
async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(Math.max(0, milliseconds), undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}
